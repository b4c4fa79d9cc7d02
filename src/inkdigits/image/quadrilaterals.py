"""Quadrilaterals in a photo, such as tables and sheets of paper seen from aside, laid flat."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.image.boxes import Matrix
from inkdigits.types import Gray

Corners = NDArray[np.float32]
"""Left upper, right upper, right lower and left lower corner: float32 (4, 2), x and y in pixels."""

_SIDE_TOLERANCE, _PARALLEL, _MOST_ADDED = 0.01, 1e-6, 1.5


def by_corners(hull: NDArray[np.int32]) -> Corners:
    """The hull simplified until four corners are left; where that skips four, its extreme points."""
    length = cv2.arcLength(hull, closed=True)
    for tolerance in np.linspace(0.01, 0.12, 23):
        simple = cv2.approxPolyDP(hull, tolerance * length, closed=True)
        if len(simple) == 4:
            return _ordered(simple[:, 0].astype(np.float32))
        if len(simple) < 4:
            break
    return _ordered(hull[:, 0].astype(np.float32))


def by_sides(hull: NDArray[np.int32]) -> list[Corners]:
    """Where the hull's four longest sides meet, for a corner that is faint; none where that is far off."""
    simple = cv2.approxPolyDP(hull, _SIDE_TOLERANCE * cv2.arcLength(hull, closed=True), closed=True)
    points = np.pad(simple[:, 0].astype(np.float64), ((0, 0), (0, 1)), constant_values=1)
    if len(points) < 4:
        return []
    ends = np.roll(points, -1, axis=0)
    longest = np.sort(np.linalg.norm(ends - points, axis=1).argsort()[-4:])
    lines = np.cross(points[longest], ends[longest])
    meeting = np.cross(lines, np.roll(lines, -1, axis=0))
    if (abs(meeting[:, 2]) < _PARALLEL).any():
        return []
    corners = np.asarray(meeting[:, :2] / meeting[:, 2:], np.float32)
    is_near = cv2.isContourConvex(corners) and cv2.contourArea(corners) < _MOST_ADDED * cv2.contourArea(hull)
    found = _ordered(corners)
    return [found] if is_near and len(np.unique(found, axis=0)) == 4 else []


def _ordered(points: Corners) -> Corners:
    right_down, right_up = points.sum(axis=1), points[:, 0] - points[:, 1]
    chosen = [right_down.argmin(), right_up.argmax(), right_down.argmax(), right_up.argmin()]
    return np.asarray(points[chosen], np.float32)


def flattened(picture: Gray, corners: Corners, *, side: int, margin: int) -> tuple[Gray, Matrix]:
    """The quadrilateral as a rectangle of its own proportions, and the map that made it.

    The longer side gets so many pixels, and `margin` pixels are shown around it.
    """
    lengths = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    across, down = float(lengths[::2].max()), float(lengths[1::2].max())
    longest = max(across, down, 1.0)
    width, height = (max(1, round(side * length / longest)) for length in (across, down))
    square = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) + margin
    turn = cv2.getPerspectiveTransform(corners, square)
    size = (width + 2 * margin, height + 2 * margin)
    flat = cv2.warpPerspective(picture, turn, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8), np.asarray(turn, np.float64)
