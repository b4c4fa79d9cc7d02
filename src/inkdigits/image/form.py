"""The form of a digit image: ink of 20×20 at most, its centre of mass in the middle of 28×28."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.image.decoding import rounded
from inkdigits.image.ink import FULL_INK, blank, find_ink
from inkdigits.image.paper import SHADED_SIDE
from inkdigits.image.strokes import connected, masses
from inkdigits.types import SIDE, Box, Gray, Images

INK_SIDE = 20
"""Pixels along the longer side of the ink in a digit image."""

MIDDLE = SIDE / 2
"""Where the ink's centre of mass comes to lie, in pixel coordinates, to the nearest whole move."""

_SPECK = 0.02
_OFF_CENTRE = 0.6
_MOST_GAIN = 4.0
_ON_RIM, _RIM = 0.02, 0.125
"""Shares of a crop's side: how far from its end a frame may be, and how wide."""


def digit(picture: Gray) -> Gray:
    """The digit image of a picture of one digit: uint8 (28, 28), bright ink on black.

    The ink may be darker or brighter than its paper, of any size, anywhere in the picture; what is no
    part of the digit (rules, a box, a neighbour's ink at the rim) is left out where it can be told. A picture
    that is a digit image already comes back as it is. Raises UserError for a blank one.
    """
    return find_digit(picture)[0]


def find_digit(picture: Gray, *, bright_ink: bool | None = None) -> tuple[Gray, Box]:
    """The digit image of a picture of one digit, and where in the picture its ink is: see `digit`.

    Where it is known whether the ink is brighter than its paper, `bright_ink` says so.
    """
    if is_digit_image(picture):
        return picture, _box_in(picture, _extents(picture))
    ink = find_ink(picture, bright_ink=bright_ink)
    rows, columns = _extents(ink)
    if min(ink.shape) >= SHADED_SIDE and _is_at_rim((rows, columns), ink.shape):
        raise blank()
    return _centred(_fitted(ink[rows, columns])), _box_in(picture, (rows, columns), shape=ink.shape)


def is_digit_image(picture: Gray) -> bool:
    """Whether the picture has the form of a digit image already."""
    return picture.shape == (SIDE, SIDE) and bool(are_digit_images(picture[np.newaxis])[0])


def are_digit_images(pictures: Images) -> NDArray[np.bool_]:
    """Which of these have the form of digit images: black paper, ink of 20×20 at most, centred by mass."""
    inked = pictures > 0
    long = np.maximum(_extent(np.max(inked, axis=2)), _extent(np.max(inked, axis=1)))
    rows, columns = pictures.sum(axis=2, dtype=np.float32), pictures.sum(axis=1, dtype=np.float32)
    mass = np.maximum(rows.sum(axis=1), 1)
    along = np.arange(SIDE, dtype=np.float32)
    off = np.maximum(abs(rows @ along / mass - MIDDLE), abs(columns @ along / mass - MIDDLE))
    on_black = np.count_nonzero(inked, axis=(1, 2)) <= SIDE * SIDE // 2
    full = pictures.max(axis=(1, 2)) >= FULL_INK
    return np.asarray(on_black & full & (long <= INK_SIDE) & (off <= _OFF_CENTRE), np.bool_)


def _box_in(picture: Gray, extents: tuple[slice, slice], *, shape: tuple[int, ...] | None = None) -> Box:
    """Rows and columns of a picture that may have been shrunk to that shape, as a box of the picture."""
    (top, bottom), (left, right) = (
        (along.start * whole // length, min(whole, -(-along.stop * whole // length)))
        for along, whole, length in zip(extents, picture.shape, shape or picture.shape, strict=True)
    )
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def _extents(ink: Gray) -> tuple[slice, slice]:
    """The rows and columns that hold the ink, specks left out."""
    x, y, width, height = cv2.boundingRect(ink)
    part = np.ascontiguousarray(ink[y : y + height, x : x + width])
    parts, boxes, _ = connected(part)
    if len(boxes) == 2:
        return slice(y, y + height), slice(x, x + width)
    mass = masses(part, parts, len(boxes))
    kept = boxes[1:][mass[1:] >= _SPECK * mass[1:].max()]
    left, top = kept[:, 0].min(), kept[:, 1].min()
    right, bottom = (kept[:, 0] + kept[:, 2]).max(), (kept[:, 1] + kept[:, 3]).max()
    return slice(y + int(top), y + int(bottom)), slice(x + int(left), x + int(right))


def _is_at_rim(extents: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Whether all ink lies along one side of a crop: what stands there is its frame, and no digit."""
    return any(
        min(along.start, side - along.stop) <= _ON_RIM * side and along.stop - along.start <= _RIM * side
        for along, side in zip(extents, shape, strict=True)
    )


def _fitted(ink: Gray) -> Gray:
    """The ink with its longer side at 20 pixels and its strokes at full brightness."""
    height, width = ink.shape
    scale = INK_SIDE / max(height, width)
    if scale == 1:
        return ink
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(ink, size, interpolation=smooth)
    gain = min(255.0 / max(int(resized.max()), 1), _MOST_GAIN)
    return rounded(resized * np.float32(gain))


def _extent(inked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last true value of each row."""
    extent = inked.shape[1] - inked[:, ::-1].argmax(axis=1) - inked.argmax(axis=1)
    return np.asarray(extent, np.int64)


def _centred(ink: Gray) -> Gray:
    """The ink in 28×28, moved by whole pixels so that its centre of mass is nearest to the middle."""
    image = np.zeros((SIDE, SIDE), np.uint8)
    start = [
        min(max(round(MIDDLE - centre), 0), SIDE - length)
        for centre, length in zip(_centre_of_mass(ink), ink.shape, strict=True)
    ]
    image[start[0] : start[0] + ink.shape[0], start[1] : start[1] + ink.shape[1]] = ink
    return image


def _centre_of_mass(ink: Gray) -> tuple[float, float]:
    """The row and column of the ink's centre of mass, in pixel coordinates."""
    moments = cv2.moments(ink)
    return moments["m01"] / moments["m00"], moments["m10"] / moments["m00"]
