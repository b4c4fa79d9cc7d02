"""The definition of a digit image, and decoding pictures safely.

A digit image is uint8 (28, 28), bright ink on black: the ink scaled with its aspect kept into 20×20
pixels and moved by whole pixels until its centre of mass is nearest to the middle, pixel (14, 14), as
MNIST was made. `digit` makes it, from any grey picture of one digit; nothing else in the package does.
"""

from inkdigits.image.decoding import LIMITS, Limits, decode
from inkdigits.image.documents import n_pages, pages
from inkdigits.image.form import INK_SIDE, MIDDLE, are_digit_images, digit, find_digit, is_digit_image
from inkdigits.image.grids import Grid, find_grid
from inkdigits.image.ink import find_ink
from inkdigits.image.lines import Crop, find_lines
from inkdigits.image.strips import COLUMNS, MARGIN, Strip, n_frames, padded, side_by_side, strip
from inkdigits.image.strips import HEIGHT as STRIP_HEIGHT

__all__ = [
    "COLUMNS",
    "INK_SIDE",
    "LIMITS",
    "MARGIN",
    "MIDDLE",
    "STRIP_HEIGHT",
    "Crop",
    "Grid",
    "Limits",
    "Strip",
    "are_digit_images",
    "decode",
    "digit",
    "find_digit",
    "find_grid",
    "find_ink",
    "find_lines",
    "is_digit_image",
    "n_frames",
    "n_pages",
    "padded",
    "pages",
    "side_by_side",
    "strip",
]
