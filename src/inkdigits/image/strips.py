"""A strip: the ink of one line of digits at a fixed height, for reading along it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import UserError
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


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Ink, uint8 (32, width), bright on black; `box` is the part of the picture that it shows."""

    ink: Gray
    box: Box

    def part(self, first: float, end: float) -> Box:
        """Where in the picture the ink between two columns of the strip is; the whole height without ink."""
        height, width = self.ink.shape
        left = min(max(0, math.floor(first)), width - 1)
        right = min(width, max(math.ceil(end), left + 1))
        inked = self.ink[:, left:right] > _INKED
        rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
        if len(rows):
            left, right = left + int(columns[0]), left + int(columns[-1]) + 1
        top, bottom = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, height)
        across, down = self.box.width / width, self.box.height / height
        x, y = round(self.box.x + left * across), round(self.box.y + top * down)
        return Box(
            x=x,
            y=y,
            width=max(1, round(self.box.x + right * across) - x),
            height=max(1, round(self.box.y + bottom * down) - y),
        )


def strip(picture: Gray) -> Strip:
    """The line of digits in a crop: its tall strokes decide where it begins and ends, and how high it is.

    Raises UserError for a picture without ink.
    """
    small = _shrunk(picture)
    if np.ptp(small) < _LEAST_CONTRAST:
        raise UserError("the picture is blank: it should show a line of digits")
    ink = darkness(small, bright_ink=has_bright_ink(small))
    threshold, _ = cv2.threshold(ink.astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    rows, columns = _extents((ink > threshold).astype(np.uint8))
    line = ink[rows, columns]
    strong = line[line > threshold]
    top = max(_LEAST_TOP, float(np.percentile(strong, 85))) if len(strong) else 255.0
    width = min(max(round(line.shape[1] * HEIGHT / len(line)), HEIGHT // 2), LONGEST)
    smooth = cv2.INTER_AREA if len(line) > HEIGHT else cv2.INTER_LINEAR
    full = np.asarray(np.minimum(line * (255 / top), 255), np.float32)
    down, across = np.divide(picture.shape, small.shape)
    return Strip(
        ink=rounded(np.asarray(cv2.resize(full, (width, HEIGHT), interpolation=smooth), np.float32)),
        box=Box(
            x=round(columns.start * across),
            y=round(rows.start * down),
            width=round((columns.stop - columns.start) * across),
            height=round((rows.stop - rows.start) * down),
        ),
    )


def side_by_side(strips: Sequence[Gray]) -> NDArray[np.uint8]:
    """Strips as one array, uint8 (n, 32, width): each behind 8 black columns, and black to the width's end.

    The width is a whole multiple of 4, 8 columns at least behind the longest strip.
    """
    longest = max(strip.shape[1] for strip in strips)
    width = -(-(longest + 2 * MARGIN) // COLUMNS) * COLUMNS
    together = np.zeros((len(strips), HEIGHT, width), np.uint8)
    for row, strip in zip(together, strips, strict=True):
        row[:, MARGIN : MARGIN + strip.shape[1]] = strip
    return together


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
    boxes = np.asarray(cv2.connectedComponentsWithStats(inked, connectivity=8)[2][1:], np.int32)
    is_rule = (boxes[:, cv2.CC_STAT_WIDTH] > _RULE_LENGTH * width) & (
        boxes[:, cv2.CC_STAT_HEIGHT] < _RULE_HEIGHT * height
    )
    written = boxes[~is_rule]
    if len(written) == 0:
        return slice(0, height), slice(0, width)
    heights = written[:, cv2.CC_STAT_HEIGHT]
    tall = written[heights >= _TALL * heights.max()]
    left, top = tall[:, cv2.CC_STAT_LEFT].min(), tall[:, cv2.CC_STAT_TOP].min()
    right, bottom = _ends(tall)
    margin = max(2, int(_ROOM * (bottom - top)))
    rows = slice(max(0, int(top) - margin), min(height, bottom + margin))
    return rows, slice(max(0, int(left) - 2 * margin), min(width, right + 2 * margin))


def _ends(boxes: NDArray[np.int32]) -> tuple[int, int]:
    right = (boxes[:, cv2.CC_STAT_LEFT] + boxes[:, cv2.CC_STAT_WIDTH]).max()
    bottom = (boxes[:, cv2.CC_STAT_TOP] + boxes[:, cv2.CC_STAT_HEIGHT]).max()
    return int(right), int(bottom)
