"""Boxes of a picture: around all of it, or around the corners of a part that was seen from elsewhere."""

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Box, Gray

Matrix = NDArray[np.float64]
"""A projective map, float64 (3, 3), from places (x, y, 1) to others."""


def whole(picture: Gray) -> Box:
    """The box of all of a picture."""
    return Box(x=0, y=0, width=picture.shape[1], height=picture.shape[0])


def seen(part: Box, to_picture: Matrix, *, within: Box) -> Box:
    """The smallest box around a part of a view, in the picture that the map leads to.

    Only what lies `within` counts, and one pixel at least.
    """
    sides = (part.x, part.x + part.width), (part.y, part.y + part.height)
    corners = np.array([list(itertools.product(*sides))], np.float64)
    across, down = np.rint(cv2.perspectiveTransform(corners, to_picture)[0]).T
    x, width = _span(across, within.x, within.width)
    y, height = _span(down, within.y, within.height)
    return Box(x=x, y=y, width=width, height=height)


def _span(places: NDArray[np.floating], start: int, length: int) -> tuple[int, int]:
    """Where the places begin within a stretch, and how much of it they cover."""
    first = min(max(start, int(places.min())), start + length - 1)
    return first, max(1, min(start + length, int(places.max())) - first)
