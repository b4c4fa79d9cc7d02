"""Pictures cut out of a larger one and laid on white: what is around them becomes paper like theirs.

Else their outline is the darkest stroke of the picture, and their paper the ink.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Gray

_WHITE = 250
_LEAST_AT_RIM = 0.05
_LEAST_KEPT, _MOST_KEPT = 0.3, 0.995
_PAPER = (90, 235)
_LOOKED_AT = 256
_OUTLINE = 0.012
_INK, _LEAST_INK, _LEAST_SOLID = 0.85, 0.01, 0.8
_NO_INK = 0.93
_SOFT, _LEAST_SHARE = 0.15, 1e-3


def on_own_paper(picture: Gray) -> Gray:
    """The picture, uint8, with the white around a cut-out filled; as it is where it shows no cut-out.

    A cut-out covers a good part of the picture, as one solid piece wider than the white around it, and is
    grey with something darker on it. Bold ink on white isn't so solid, and nothing is darker than it.
    """
    rim = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    if np.mean(rim >= _WHITE) < _LEAST_AT_RIM:
        return picture
    step = max(1, max(picture.shape) // _LOOKED_AT)
    sample = picture[::step, ::step]
    kept = sample < _WHITE
    if not _LEAST_KEPT <= kept.mean() <= _MOST_KEPT:
        return picture
    return _filled(picture) if _is_cut_out(sample, kept) else picture


def _is_cut_out(picture: Gray, kept: NDArray[np.bool_]) -> bool:
    level = float(np.median(picture[kept]))
    return (
        _PAPER[0] <= level <= _PAPER[1]
        and float(np.mean(picture[kept] < _INK * level)) >= _LEAST_INK
        and _depth(kept) > _depth(~kept)
        and _solidity(kept) >= _LEAST_SOLID
    )


def _depth(mask: NDArray[np.bool_]) -> float:
    """How far from where the mask or the picture ends its pixels lie, at most."""
    within = np.pad(mask.astype(np.uint8), 1)
    return float(cv2.distanceTransform(within, cv2.DIST_L2, 3).max())


def _solidity(mask: NDArray[np.bool_]) -> float:
    """The mask's share of the convex hull around it."""
    hull = cv2.convexHull(np.argwhere(mask).astype(np.int32))
    return float(np.count_nonzero(mask)) / max(1.0, cv2.contourArea(hull))


def _filled(picture: Gray) -> Gray:
    """The picture with the mean of the nearer paper where white reaches in from its rim."""
    height, width = picture.shape
    _, parts = cv2.connectedComponents((picture >= _WHITE).astype(np.uint8), connectivity=4)
    at_rim = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    outline = 2 * max(1, round(_OUTLINE * min(height, width))) + 1
    outside = cv2.dilate(
        np.isin(parts, at_rim[at_rim > 0]).astype(np.uint8), np.ones((outline, outline), np.uint8)
    )
    if outside.all():
        return picture
    level = float(np.median(picture[outside == 0]))
    paper = ((outside == 0) & (picture >= _NO_INK * level)).astype(np.float32)
    wide = _SOFT * height
    light = cv2.GaussianBlur(paper * (picture - np.float32(level)), (0, 0), wide)
    share = cv2.GaussianBlur(paper, (0, 0), wide)
    around = level + light / np.maximum(share, _LEAST_SHARE)
    return np.where(outside > 0, np.clip(around, 0, 255), picture).astype(np.uint8)
