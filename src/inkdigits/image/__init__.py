"""The definition of a digit image, and decoding pictures safely.

A digit image is uint8 (28, 28), bright ink on black: the ink scaled with its aspect kept into 20×20
pixels and moved by whole pixels until its centre of mass is nearest to the middle, pixel (14, 14), as
MNIST was made. `digit` makes it, from any grey picture of one digit; nothing else in the package does.
"""

from inkdigits.image.decoding import MOST_BYTES, MOST_PIXELS, decode
from inkdigits.image.form import INK_SIDE, MIDDLE, are_digit_images, digit, find_digit, is_digit_image
from inkdigits.image.ink import find_ink

__all__ = [
    "INK_SIDE",
    "MIDDLE",
    "MOST_BYTES",
    "MOST_PIXELS",
    "are_digit_images",
    "decode",
    "digit",
    "find_digit",
    "find_ink",
    "is_digit_image",
]
