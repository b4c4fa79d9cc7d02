"""What is paper and what is ink: which of the two is brighter, and how bright the paper is at each pixel."""

import functools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.image import levels
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
        bright = picture > levels.otsu(picture)
        rim = np.concatenate([bright[0], bright[-1], bright[1:-1, 0], bright[1:-1, -1]])
        return bool(bright.mean() + rim.mean() < 1.0)
    even = _evenly_lit(_shrunk(picture, _COARSE_SIDE))
    above = np.asarray(cv2.threshold(even, 0, 255, cv2.THRESH_OTSU)[1], np.uint8)
    return _width(above) < _width(~above)


def darkness(picture: Gray, *, bright_ink: bool) -> NDArray[np.float32]:
    """How far each pixel is from its paper, float32 (height, width), 0 to 255.

    For bright ink the difference, for dark ink the share of the paper's light that it swallows, which is the
    same in the shade as in the light.
    """
    if bright_ink:
        return np.asarray(np.maximum(picture.astype(np.float32) - _paper(picture), 0), np.float32)
    paper = 255 - _paper(255 - picture)
    return np.asarray(np.maximum(255 * (1 - picture / np.maximum(paper, _DARKEST_PAPER)), 0), np.float32)


def _evenly_lit(picture: Gray) -> Gray:
    """The picture less the plane nearest to it, stretched to 0 … 255."""
    height, width = picture.shape
    across, down = _from_middle(width), _from_middle(height)
    light = picture.astype(np.float32)
    right = (light @ across).sum() / (height * (across @ across))
    below = (down @ light).sum() / (width * (down @ down))
    even = light - right * across - below * down[:, np.newaxis]
    least, most, _, _ = cv2.minMaxLoc(even)
    stretch = 255 / max(most - least, 1)
    return np.asarray(cv2.convertScaleAbs(even, alpha=stretch, beta=-least * stretch), np.uint8)


@functools.lru_cache(maxsize=128)
def _from_middle(length: int) -> NDArray[np.float32]:
    """Where the pixels along a side lie, -1 to 1."""
    return np.linspace(-1, 1, length, dtype=np.float32)


def _width(mask: Gray) -> float:
    """How wide the parts that aren't 0 are: distances to the nearest 0, summed up."""
    if mask.all():
        return math.inf
    return float(cv2.sumElems(cv2.distanceTransform(mask, cv2.DIST_L2, 3))[0])


def _paper(bright: Gray) -> NDArray[np.float32]:
    """How bright the paper is at each pixel (ink is brighter): one level, (1, 1), or in photos a surface."""
    height, width = bright.shape
    paper = levels.counts(bright)[: levels.otsu(bright) + 1]
    level = levels.median(paper)
    even = paper[max(0, math.ceil(level - _EVEN)) : math.floor(level + _EVEN) + 1]
    if min(height, width) < SHADED_SIDE or even.sum() > _EVENLY_COVERED * paper.sum():
        return np.full((1, 1), level, np.float32)
    coarse = cv2.medianBlur(_shrunk(bright, _COARSE_SIDE), _COARSE_SIDE // 2 + 1)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _shrunk(picture: Gray, side: int) -> Gray:
    """The picture with its shorter side at that many pixels."""
    height, width = picture.shape
    scale = side / min(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
