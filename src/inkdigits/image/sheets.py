"""A sheet of paper photographed on something darker: where it is, and how it looks from straight above."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.image.boxes import Matrix
from inkdigits.image.quadrilaterals import Corners, by_corners, by_sides, flattened
from inkdigits.types import Gray

_LONGEST = 480
_BLUR = 2.0
_CLOSED, _OPENED = 21, 9
_LEAST_AREA, _MOST_AREA = 0.15, 0.97
_LEAST_FILLED = 0.95
_MOST_BRIGHT_AROUND = 0.1
_LEAST_SIDES, _LEAST_STEP = 2, 20
_N_PLACES, _OFF = 60, 5.0
_INSET, _NARROWEST = 0.008, 16


def laid_flat(picture: Gray) -> tuple[Gray, Matrix] | None:
    """The sheet as a rectangle, about as large as in the picture, and the map from there to the picture.

    None where there is no one sheet with four straight sides, and around it little that is as bright.
    """
    scale = min(1.0, _LONGEST / max(picture.shape))
    size = [max(1, round(length * scale)) for length in picture.shape[::-1]]
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    corners = _corners(small)
    if corners is None:
        return None
    ratio = np.array([picture.shape[1] / size[0], picture.shape[0] / size[1]], np.float32)
    corners = np.asarray(corners * ratio, np.float32)
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    longer, shorter = float(sides.max()), float(sides.min())
    if shorter < _NARROWEST:
        return None
    flat, turn = flattened(picture, corners, side=round(longer), margin=-max(1, round(_INSET * shorter)))
    return flat, np.asarray(np.linalg.inv(turn), np.float64)


def _corners(picture: Gray) -> Corners | None:
    soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), _BLUR), np.uint8)
    threshold, bright = cv2.threshold(soft, 0, 1, cv2.THRESH_OTSU)
    closed = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((_CLOSED, _CLOSED), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((_OPENED, _OPENED), np.uint8))
    contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    sheet = max(contours, key=cv2.contourArea)
    area, hull = cv2.contourArea(sheet), np.asarray(cv2.convexHull(sheet), np.int32)
    if not _LEAST_AREA * picture.size <= area <= _MOST_AREA * picture.size:
        return None
    found = [each for each in (*by_sides(hull), by_corners(hull)) if _fits(each, hull, area)]
    return next((each for each in found if _stands_out(soft, threshold, each)), None)


def _fits(corners: Corners, hull: NDArray[np.int32], area: float) -> bool:
    """Whether the four corners enclose what was found, and little else."""
    enclosed, _ = cv2.intersectConvexConvex(corners, hull.astype(np.float32))
    whole = cv2.contourArea(corners)
    return min(area, enclosed) >= _LEAST_FILLED * max(whole, cv2.contourArea(hull))


def _stands_out(picture: Gray, threshold: float, corners: Corners) -> bool:
    """Whether it gets darker at once behind every side that isn't the picture's, and stays so."""
    inside = np.zeros(picture.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.rint(corners).astype(np.int32), 1)
    around = cv2.dilate(inside, np.ones((5, 5), np.uint8)) == 0
    steps = [
        _step(picture, start, end) for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True)
    ]
    known = [step for step in steps if step is not None]
    if len(known) < _LEAST_SIDES or min(known) < _LEAST_STEP:
        return False
    return float((picture[around] > threshold).mean()) <= _MOST_BRIGHT_AROUND


def _step(picture: Gray, start: NDArray[np.float32], end: NDArray[np.float32]) -> float | None:
    """By how much it gets darker from within a side, clockwise, to behind it; None at the picture's rim."""
    along = (end - start) / max(1.0, float(np.linalg.norm(end - start)))
    places = start + np.linspace(0.05, 0.95, _N_PLACES)[:, np.newaxis] * (end - start)
    outwards = np.array([along[1], -along[0]])
    within, behind = (np.rint(places + off * outwards).astype(int) for off in (-_OFF, _OFF))
    height, width = picture.shape
    is_shown = ((behind >= 0) & (behind < [width, height])).all(axis=1)
    if np.count_nonzero(is_shown) < _N_PLACES / 2:
        return None
    x, y = np.clip(within, 0, [width - 1, height - 1])[is_shown].T
    outer_x, outer_y = behind[is_shown].T
    return float(np.median(picture[y, x].astype(float) - picture[outer_y, outer_x]))
