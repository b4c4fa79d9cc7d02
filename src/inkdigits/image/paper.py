"""What is paper and what is ink: which of the two is brighter, and how bright the paper is at each pixel."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.image.decoding import rounded
from inkdigits.types import Gray

SHADED_SIDE = 40
"""From this many pixels a side a picture may be a photo's crop, with shadows, rules and frames in it."""

_COARSE_SIDE = 48
_DARKEST_PAPER = np.float32(32)
_EVEN, _EVENLY_COVERED = 1, 0.7


def has_bright_ink(picture: Gray) -> bool:
    """Whether the ink is brighter than its paper: strokes are thin, and paper is wide.

    Light that changes evenly over the picture is taken away first. Where there are few pixels, most of the
    picture and of its rim are paper.
    """
    if min(picture.shape) < SHADED_SIDE:
        threshold, _ = cv2.threshold(picture, 0, 255, cv2.THRESH_OTSU)
        bright = picture > threshold
        rim = np.concatenate([bright[0], bright[-1], bright[1:-1, 0], bright[1:-1, -1]])
        return bool(bright.mean() + rim.mean() < 1.0)
    even = _evenly_lit(_shrunk(picture, _COARSE_SIDE))
    threshold, _ = cv2.threshold(even, 0, 255, cv2.THRESH_OTSU)
    return _width(even > threshold) < _width(even <= threshold)


def darkness(picture: Gray, *, bright_ink: bool) -> NDArray[np.float32]:
    """How far each pixel is from its paper, float32 (height, width), 0 to 255.

    For bright ink the difference, for dark ink the share of the paper's light that it swallows, which is the
    same in the shade as in the light.
    """
    if bright_ink:
        return np.asarray(np.maximum(picture.astype(np.float32) - _paper(picture), 0), np.float32)
    paper = 255 - _paper(255 - picture)
    return np.asarray(np.clip(255 * (1 - picture / np.maximum(paper, _DARKEST_PAPER)), 0, 255), np.float32)


def _evenly_lit(picture: Gray) -> Gray:
    """The picture less the plane nearest to it, stretched to 0 … 255."""
    height, width = picture.shape
    across, down = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
    right = picture.mean(axis=0) @ across / (across @ across)
    below = picture.mean(axis=1) @ down / (down @ down)
    even = picture - right * across - below * down[:, np.newaxis]
    return rounded((even - even.min()) * (255 / max(np.ptp(even), 1)))


def _width(mask: NDArray[np.bool_]) -> float:
    """How wide the true parts are: distances to the nearest false pixel, summed up."""
    if mask.all():
        return math.inf
    return float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).sum())


def _paper(bright: Gray) -> NDArray[np.float32]:
    """How bright the paper is at each pixel (ink is brighter): one level, or in photos a shaded surface."""
    height, width = bright.shape
    threshold, _ = cv2.threshold(bright, 0, 255, cv2.THRESH_OTSU)
    paper = bright[bright <= threshold]
    level = np.median(paper)
    if min(height, width) < SHADED_SIDE or np.mean(abs(paper - level) <= _EVEN) > _EVENLY_COVERED:
        return np.full(bright.shape, level, np.float32)
    coarse = cv2.medianBlur(_shrunk(bright, _COARSE_SIDE), _COARSE_SIDE // 2 + 1)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _shrunk(picture: Gray, side: int) -> Gray:
    """The picture with its shorter side at that many pixels."""
    height, width = picture.shape
    scale = side / min(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
