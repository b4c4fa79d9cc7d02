"""A strip: the ink of one line of digits at a fixed height, for reading along it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import UserError
from inkdigits.image.boxes import Matrix, seen, whole
from inkdigits.image.decoding import rounded
from inkdigits.image.paper import darkness, has_bright_ink
from inkdigits.types import Box, Gray

HEIGHT = 32
"""Pixels from the top of a strip to its bottom."""

LONGEST = 1024
"""Pixels along a strip, at most; a longer line is squeezed."""

MARGIN = 8
"""Black columns that `side_by_side` puts before and behind a strip."""

COLUMNS = 4
"""Columns of a strip for every frame of a line reader's scores: ones that stand 8 apart are told apart."""

_WORKING_HEIGHT = 96
_LEAST_CONTRAST = 12
_TALL = 0.35
_RULE_LENGTH, _RULE_HEIGHT = 0.5, 0.25
_ROOM = 0.12
_LEAST_TOP = 40.0
_INKED = 100
_LEAST_CLIMB, _MOST_CLIMB = 0.01, 0.3
_LEAST_SPREAD = 1.0
_HALF_BELIEVED = 38
"""The cube of the length, in heights, of a line half of whose slope is believed."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Ink, uint8 (32, width), bright on black; `box` is the part of the picture that it shows.

    `to_picture`, float64 (3, 3), takes a place (x, y, 1) on the strip to the picture's.
    """

    ink: Gray
    box: Box
    to_picture: Matrix

    def part(self, first: float, end: float) -> Box:
        """Where in the picture the ink between two columns of the strip is; the whole height without ink.

        What lies flat along the strip's rim is of a rule or a frame, and no ink.
        """
        height, width = self.ink.shape
        left = min(max(0, math.floor(first)), width - 1)
        right = min(width, max(math.ceil(end), left + 1))
        inked = _without_rim(self.ink[:, left:right] > _INKED)
        rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
        if len(rows):
            left, right = left + int(columns[0]), left + int(columns[-1]) + 1
        top, bottom = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, height)
        inked_part = Box(x=left, y=top, width=right - left, height=bottom - top)
        return seen(inked_part, self.to_picture, within=self.box)


def strip(picture: Gray) -> Strip:
    """The line of digits in a crop, level: its tall strokes decide where it begins and ends, and its height.

    Raises UserError for a picture without ink.
    """
    small = _shrunk(picture)
    if np.ptp(small) < _LEAST_CONTRAST:
        raise UserError("the picture is blank: it should show a line of digits")
    ink = darkness(small, bright_ink=has_bright_ink(small))
    threshold, _ = cv2.threshold(ink.astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    ink, to_level = _level(ink, threshold)
    rows, columns = _extents((ink > threshold).astype(np.uint8))
    line = ink[rows, columns]
    strong = line[line > threshold]
    top = max(_LEAST_TOP, float(np.percentile(strong, 85))) if len(strong) else 255.0
    width = min(max(round(line.shape[1] * HEIGHT / len(line)), HEIGHT // 2), LONGEST)
    smooth = cv2.INTER_AREA if len(line) > HEIGHT else cv2.INTER_LINEAR
    full = np.asarray(np.minimum(line * (255 / top), 255), np.float32)
    to_line = _scaled(line.shape[1] / width, len(line) / HEIGHT, columns.start, rows.start)
    across, down = picture.shape[1] / small.shape[1], picture.shape[0] / len(small)
    to_picture = _scaled(across, down) @ np.linalg.inv(to_level) @ to_line
    shown = Box(x=0, y=0, width=width, height=HEIGHT)
    return Strip(
        ink=rounded(np.asarray(cv2.resize(full, (width, HEIGHT), interpolation=smooth), np.float32)),
        box=seen(shown, to_picture, within=whole(picture)),
        to_picture=to_picture,
    )


def side_by_side(strips: Sequence[Gray], *, multiple: int = COLUMNS) -> NDArray[np.uint8]:
    """Strips as one array, uint8 (n, 32, width): each behind 8 black columns, and black to the width's end.

    The width is a whole multiple of `multiple`, with 8 columns at least behind the longest strip.
    """
    width = padded(max(strip.shape[1] for strip in strips), multiple=multiple)
    together = np.zeros((len(strips), HEIGHT, width), np.uint8)
    for row, strip in zip(together, strips, strict=True):
        row[:, MARGIN : MARGIN + strip.shape[1]] = strip
    return together


def padded(width: int, *, multiple: int = COLUMNS) -> int:
    """How wide a strip becomes by `side_by_side` where it is the longest."""
    return -(-(width + 2 * MARGIN) // multiple) * multiple


def n_frames(width: int) -> int:
    """The frames of scores that belong to a strip of that width, the black before and behind it included."""
    return (width + 2 * MARGIN) // COLUMNS


def _shrunk(picture: Gray) -> Gray:
    height, width = picture.shape
    scale = _WORKING_HEIGHT / height
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _extents(inked: Gray) -> tuple[slice, slice]:
    """The rows and columns of the tall strokes, with a margin; of everything, where there are none."""
    height, width = inked.shape
    boxes = np.asarray(cv2.connectedComponentsWithStats(inked, connectivity=8)[2], np.int32)
    tall = boxes[_tall(boxes, inked.shape)]
    if len(tall) == 0:
        return slice(0, height), slice(0, width)
    left, top = tall[:, cv2.CC_STAT_LEFT].min(), tall[:, cv2.CC_STAT_TOP].min()
    right, bottom = _ends(tall)
    margin = max(2, int(_ROOM * (bottom - top)))
    rows = slice(max(0, int(top) - margin), min(height, bottom + margin))
    return rows, slice(max(0, int(left) - 2 * margin), min(width, right + 2 * margin))


def _tall(boxes: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Which of a plane's components, the first of which is the paper, are tall strokes, and no rules."""
    height, width = shape
    wide, high = boxes[1:, cv2.CC_STAT_WIDTH], boxes[1:, cv2.CC_STAT_HEIGHT]
    written = np.flatnonzero((wide <= _RULE_LENGTH * width) | (high >= _RULE_HEIGHT * height)) + 1
    heights = boxes[written, cv2.CC_STAT_HEIGHT]
    return np.asarray(written[heights >= _TALL * heights.max(initial=0)], np.intp)


def _without_rim(inked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The ink but what touches the first or the last row and isn't tall."""
    if not (inked[0].any() or inked[-1].any()):
        return inked
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(inked.astype(np.uint8), connectivity=8)
    boxes = np.asarray(boxes, np.int32)
    top, high = boxes[:, cv2.CC_STAT_TOP], boxes[:, cv2.CC_STAT_HEIGHT]
    at_rim = (top == 0) | (top + high == len(inked))
    is_flat = at_rim & (high < _TALL * len(inked))
    return np.asarray(inked & ~is_flat[parts])


def _level(ink: NDArray[np.float32], threshold: float) -> tuple[NDArray[np.float32], Matrix]:
    """The ink with its line level, in a plane high enough for it, and the map, (3, 3), that took it there."""
    climb = _climb((ink > threshold).astype(np.uint8))
    if abs(climb) < _LEAST_CLIMB:
        return ink, np.eye(3)
    height, width = ink.shape
    to_level = np.array([[1, 0, 0], [-climb, 1, max(0.0, climb * width)], [0, 0, 1]], np.float64)
    size = (width, math.ceil(height + abs(climb) * width))
    return np.asarray(cv2.warpAffine(ink, to_level[:2], size), np.float32), to_level


def _climb(inked: Gray) -> float:
    """How far the line falls, in pixels a pixel along it: by the ink of its tall strokes.

    Their middles are uneven by themselves, by about a tenth of their height: the shorter the line, the less
    of its slope is believed.
    """
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(inked, connectivity=8)
    tall = _tall(np.asarray(boxes, np.int32), inked.shape)
    if len(tall) == 0:
        return 0.0
    is_tall = np.zeros(len(boxes), bool)
    is_tall[tall] = True
    y, x = np.nonzero(is_tall[parts])
    slope = float(np.cov(x, y, bias=True)[0, 1]) / max(float(x.var()), _LEAST_SPREAD)
    lengths = (float(np.ptp(x)) / float(np.median(boxes[tall, cv2.CC_STAT_HEIGHT]))) ** 3
    return float(np.clip(slope * lengths / (lengths + _HALF_BELIEVED), -_MOST_CLIMB, _MOST_CLIMB))


def _scaled(across: float, down: float, x: float = 0.0, y: float = 0.0) -> Matrix:
    """The map, (3, 3), that scales places and then moves them."""
    return np.array([[across, 0, x], [0, down, y], [0, 0, 1]], np.float64)


def _ends(boxes: NDArray[np.int32]) -> tuple[int, int]:
    right = (boxes[:, cv2.CC_STAT_LEFT] + boxes[:, cv2.CC_STAT_WIDTH]).max()
    bottom = (boxes[:, cv2.CC_STAT_TOP] + boxes[:, cv2.CC_STAT_HEIGHT]).max()
    return int(right), int(bottom)
