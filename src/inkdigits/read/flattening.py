"""A plane seen from straight above: projective maps, and parts of a page laid flat.

Coordinates in a picture are continuous: pixel (0, 0) reaches from 0 to 1 and has its middle at 0.5.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.read.form_spec import Area
from inkdigits.types import Gray

Homography = NDArray[np.float64]
"""A projective map between planes, float64 (3, 3)."""

Points = NDArray[np.float64]
"""Points of a plane, x and y: float64 (n, 2)."""


def flat(picture: Gray, to_picture: Homography, area: Area, *, scale: float) -> Gray:
    """A part of the page seen from straight above, with `scale` pixels for a unit of the page."""
    size = (max(1, round(area.width * scale)), max(1, round(area.height * scale)))
    turn = to_picture @ np.array([[1 / scale, 0, area.x], [0, 1 / scale, area.y], [0, 0, 1]])
    corners = projected(turn, np.array([[0, 0], [size[0], 0], size, [0, size[1]]], np.float64))
    height, width = picture.shape
    left, top = np.clip(np.floor(corners.min(axis=0)) - 2, 0, [width - 1, height - 1]).astype(int)
    ends = np.clip(np.ceil(corners.max(axis=0)) + 2, [left + 1, top + 1], [width, height])
    right, bottom = ends.astype(int)
    part = picture[top:bottom, left:right]
    turn = _moved(-left, -top) @ turn
    step = math.sqrt(cv2.contourArea(corners.astype(np.float32)) / (size[0] * size[1]))
    if step > 1.5:
        small = (max(1, round(part.shape[1] / step)), max(1, round(part.shape[0] / step)))
        turn = np.diag([small[0] / part.shape[1], small[1] / part.shape[0], 1.0]) @ turn
        part = np.asarray(cv2.resize(part, small, interpolation=cv2.INTER_AREA), np.uint8)
    turn = _moved(-0.5, -0.5) @ turn @ _moved(0.5, 0.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(part, turn, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def projected(matrix: Homography, points: Points) -> Points:
    """Points, float64 (n, 2), as the map moves them."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:], np.float64)


def corners_of(area: Area) -> Points:
    """The corners of a rectangle, clockwise from the left upper one: float64 (4, 2)."""
    right, bottom = area.x + area.width, area.y + area.height
    return np.array([[area.x, area.y], [right, area.y], [right, bottom], [area.x, bottom]])


def _moved(x: float, y: float) -> Homography:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def shrunk(picture: Gray, *, longest: int) -> tuple[Gray, Points]:
    """The picture with a longer side of `longest` pixels at most, and how many pixels became one, x and y."""
    height, width = picture.shape
    factor = max(1.0, max(height, width) / longest)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    if factor == 1:
        return picture, np.ones(2)
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, np.array([width / size[0], height / size[1]])
