"""Digits as pages have them: the ways in which a picture may differ while its digit stays the same.

Each draws a digit image as a picture and encodes it, as a scanner, a phone or a drawing program would; what
comes back through `image.decode` and `image.digit` is what a model is shown.
"""

import io
from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.types import SIDE, Gray, Images

_PAPER, _INK = 255, 20
_SIDE = 200
"""Pixels along each side of a picture."""

_LARGE = 160
"""Pixels that the 28 of a digit image are drawn as."""

_SMALLEST = 0.3
_SLANT_DEGREES = 15.0
_LEAST_STROKE, _MOST_STROKE = 1, 6
_THIN_SCALE = 2
_QUALITY = 30
_ORIENTATION = 0x0112
"""EXIF's tag that says how a picture is to be turned."""

_TURNED_BACK = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What undoes the turn that each value of the tag asks for."""


def shown(images: Images, name: str, *, seed: int = 0) -> Images:
    """The digit images that a model is shown of pictures that differ in that way: one of `NAMES`, or `PLAIN`.

    Black where nothing was found in one.
    """
    random = np.random.default_rng([seed, list(_WAYS).index(name)])
    found = np.zeros_like(images)
    for out, digit in zip(found, images, strict=True):
        try:
            out[:] = image.digit(image.decode(_WAYS[name](digit, random)))
        except UserError:
            continue
    return found


def _plain(digit: Gray, _random: Generator) -> bytes:
    return _png(_on_paper(_scaled(digit, _LARGE)))


def _polarity(digit: Gray, _random: Generator) -> bytes:
    return _png(255 - _on_paper(_scaled(digit, _LARGE)))


def _alpha(digit: Gray, _random: Generator) -> bytes:
    """Black ink on nothing."""
    ink = _placed(_scaled(digit, _LARGE), _middle(_LARGE))
    colours = np.zeros((_SIDE, _SIDE, 4), np.uint8)
    colours[..., 3] = ink
    return _saved(Image.fromarray(colours), "PNG")


def _corner(digit: Gray, random: Generator) -> bytes:
    side = _SIDE // 2
    top, left = random.integers(0, 2, 2) * (_SIDE - side)
    return _png(_on_paper(_scaled(digit, side), (int(top), int(left))))


def _scale(digit: Gray, random: Generator) -> bytes:
    side = round(_SIDE * random.uniform(_SMALLEST, 1))
    return _png(_on_paper(_scaled(digit, side)))


def _stroke(digit: Gray, random: Generator) -> bytes:
    """Strokes 1 to 6 pixels wide, of a digit about 40 high: layers taken off around what is too wide."""
    width = int(random.integers(_LEAST_STROKE, _MOST_STROKE + 1))
    inked = np.pad(_scaled(digit, _THIN_SCALE * SIDE) > 127, _MOST_STROKE)
    depth = cv2.distanceTransform(inked.astype(np.uint8), cv2.DIST_L2, 5)
    is_middle = inked & (depth >= cv2.dilate(depth, np.ones((3, 3))))
    own = 2 * float(depth[is_middle].mean()) - 0.5 if inked.any() else width
    if own > width:
        drawn = _thinned(inked, times=round((own - width) / 2)).astype(np.uint8)
    else:
        side = 1 + round(width - own)
        pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        drawn = np.asarray(cv2.dilate(inked.astype(np.uint8), pen), np.uint8)
    return _png(_PAPER - 255 * drawn)


def _slant(digit: Gray, random: Generator) -> bytes:
    lean = np.tan(np.deg2rad(random.uniform(-_SLANT_DEGREES, _SLANT_DEGREES)))
    across = np.array([[1, lean, -lean * _SIDE / 2], [0, 1, 0]])
    upright = _on_paper(_scaled(digit, _LARGE))
    slanted = cv2.warpAffine(upright, across, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE)
    return _png(np.asarray(slanted, np.uint8))


def _exif(digit: Gray, random: Generator) -> bytes:
    """A photo that lies on its side or is mirrored, and says so."""
    value = int(random.integers(1, len(_TURNED_BACK) + 1))
    back = _TURNED_BACK[value]
    picture = Image.fromarray(_on_paper(_scaled(digit, _LARGE)))
    about = Image.Exif()
    about[_ORIENTATION] = value
    return _saved(picture if back is None else picture.transpose(back), "JPEG", quality=90, exif=about)


def _jpeg(digit: Gray, _random: Generator) -> bytes:
    picture = Image.fromarray(_on_paper(_scaled(digit, _LARGE)))
    return _saved(picture, "JPEG", quality=_QUALITY)


def _scaled(digit: Gray, side: int) -> Gray:
    way = cv2.INTER_CUBIC if side >= SIDE else cv2.INTER_AREA
    return np.asarray(cv2.resize(digit, (side, side), interpolation=way), np.uint8)


def _on_paper(ink: Gray, at: tuple[int, int] | None = None) -> Gray:
    """Dark ink on white paper, in the middle or from (row, column) on."""
    placed = _placed(ink, _middle(len(ink)) if at is None else at)
    return np.asarray(np.rint(_PAPER - placed * ((_PAPER - _INK) / 255)), np.uint8)


def _placed(ink: Gray, at: tuple[int, int]) -> Gray:
    whole = np.zeros((_SIDE, _SIDE), np.uint8)
    whole[at[0] : at[0] + len(ink), at[1] : at[1] + len(ink)] = ink
    return whole


def _middle(side: int) -> tuple[int, int]:
    return (_SIDE - side) // 2, (_SIDE - side) // 2


def _thinned(inked: NDArray[np.bool_], *, times: int) -> NDArray[np.bool_]:
    """So many layers of pixels taken off, but for lines that are one pixel wide already.

    Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", 1984.
    """
    here = inked
    for _ in range(times):
        for first in (True, False):
            around = [np.roll(here, move, axis=(0, 1)) for move in _AROUND]  # from above, clockwise
            n = np.sum(around, axis=0)
            ends = zip(around, around[1:] + around[:1], strict=True)
            n_rises = np.sum([~one & other for one, other in ends], axis=0)
            above, right, below, left = around[::2]
            if first:
                is_rim = ~(above & right & below) & ~(right & below & left)
            else:
                is_rim = ~(above & right & left) & ~(above & below & left)
            here = here & ~((n >= 2) & (n <= 6) & (n_rises == 1) & is_rim)
    return here


_AROUND = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))


def _png(picture: Gray) -> bytes:
    return _saved(Image.fromarray(picture), "PNG", compress_level=1)


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


PLAIN = "plain"
"""Dark ink in the middle of white paper: what the others are held against."""

_WAYS: Mapping[str, Callable[[Gray, Generator], bytes]] = {
    PLAIN: _plain,
    "polarity": _polarity,
    "alpha": _alpha,
    "corner": _corner,
    "scale 0.3 to 1": _scale,
    "stroke 1 to 6 px": _stroke,
    "slant ± 15°": _slant,
    "EXIF turns": _exif,
    "JPEG 30": _jpeg,
}

NAMES = tuple(name for name in _WAYS if name != PLAIN)
"""The ways in which a page's picture may differ."""
