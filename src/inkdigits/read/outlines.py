"""Where exactly a box is printed: paper isn't flat, so that one map for the whole page is a little off."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.read.flattening import Homography, Points, flat
from inkdigits.read.form_spec import Area
from inkdigits.types import Gray

LEAST_ALIKE = 0.42
"""From here on a box is printed there: most are above 0.7; where none is, 19 places in 20 are below 0.4."""

_SIDE, _FARTHEST = 40, 14
_AROUND = 3
_RIM = 7
_THIN = 11
_SOFT = 1.5
_MORE = (0, -1, 1)
_SQUARE = 1.5

_Ink = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Blank:
    """The picture of the blank page, and the map from page units to its pixels."""

    picture: Gray
    to_picture: Homography


@dataclass(frozen=True, kw_only=True)
class Found:
    """How far to the right and down of its place a box is, in page units; `alike` is a correlation, to 1."""

    x: float
    y: float
    alike: float


def find(picture: Gray, to_picture: Homography, box: Area, blank: Blank | None) -> Found:
    """Where near its place a box is printed: as on the blank page, a rectangle or an ellipse."""
    scale = _SIDE / min(box.width, box.height)
    seen = _thin_ink(picture, to_picture, box.widened((_AROUND + _FARTHEST) / scale), scale)
    best = Found(x=0, y=0, alike=0)
    for expected in _expected(box, blank, scale):
        found = _best(seen, expected, scale)
        best = max(best, found, key=lambda each: each.alike)
        if best.alike >= LEAST_ALIKE:
            break
    return best


def peak(match: NDArray[np.float32]) -> tuple[Points, float]:
    """The highest place, x and y, to a part of a pixel by a parabola each way, and its height."""
    _, height, _, (column, row) = cv2.minMaxLoc(match)
    place = np.array([column, row], np.float64)
    for axis, (along, here) in enumerate(((match[row], column), (match[:, column], row))):
        if 0 < here < len(along) - 1:
            before, middle, behind = along[here - 1 : here + 2].astype(np.float64)
            bend = before - 2 * middle + behind
            place[axis] += 0.5 * (before - behind) / bend if bend < 0 else 0.0
    return place, float(height)


def _best(seen: _Ink, expected: _Ink, scale: float) -> Found:
    if not seen.any() or not expected.any():
        return Found(x=0, y=0, alike=0)
    rim = np.ones(expected.shape, np.float32)
    rim[_RIM:-_RIM, _RIM:-_RIM] = 0  # what is written within doesn't count
    match = cv2.matchTemplate(seen, expected, cv2.TM_CCOEFF_NORMED, mask=rim)
    place, alike = peak(np.nan_to_num(np.asarray(match, np.float32), posinf=0, neginf=0))
    x, y = (place - _FARTHEST) / scale
    return Found(x=float(x), y=float(y), alike=alike)


def _thin_ink(picture: Gray, to_picture: Homography, area: Area, scale: float) -> _Ink:
    """The share of light that thin lines swallow; shadows and dark planes aren't seen."""
    view = flat(picture, to_picture, area, scale=scale).astype(np.float32)
    soft = cv2.GaussianBlur(view, (0, 0), _SOFT)
    paper = cv2.morphologyEx(soft, cv2.MORPH_CLOSE, np.ones((_THIN, _THIN), np.uint8))
    return np.asarray(1 - soft / np.maximum(paper, 1), np.float32)


def _expected(box: Area, blank: Blank | None, scale: float) -> Iterator[_Ink]:
    """How the box may look, the likeliest first.

    As the blank page shows it, or a rectangle, or unless it is long an ellipse, as `_thin_ink` would see it;
    then a little smaller and larger, since the line may run along the box's inside or its outside.
    """
    if blank is not None:
        yield _thin_ink(blank.picture, blank.to_picture, box.widened(_AROUND / scale), scale)
    width, height = round(box.width * scale), round(box.height * scale)
    shape = (height + 2 * _AROUND, width + 2 * _AROUND)
    for more in _MORE:
        drawn = np.zeros(shape, np.float32)
        end = (_AROUND + width - 1 + more, _AROUND + height - 1 + more)
        cv2.rectangle(drawn, (_AROUND - more, _AROUND - more), end, 1.0, 1)
        yield np.asarray(cv2.GaussianBlur(drawn, (0, 0), _SOFT), np.float32)
        if max(width, height) < _SQUARE * min(width, height):
            drawn = np.zeros(shape, np.float32)
            half = (width // 2 + more, height // 2 + more)
            cv2.ellipse(drawn, (shape[1] // 2, shape[0] // 2), half, 0, 0, 360, 1.0, 1, cv2.LINE_AA)
            yield np.asarray(cv2.GaussianBlur(drawn, (0, 0), _SOFT), np.float32)
