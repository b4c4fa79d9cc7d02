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
_OUTLINE, _WIDEST_OUTLINE = 0.012, 3
_MOST_APART = 0.001
_INK, _LEAST_INK, _LEAST_SOLID = 0.85, 0.01, 0.8
_NO_INK = 0.93
_SOFT, _LEAST_SHARE = 0.15, 1e-3


def on_own_paper(picture: Gray) -> Gray:
    """The picture, uint8, with the white around a cut-out filled; as it is where it shows no cut-out.

    A cut-out covers a good part of the picture, as one solid piece wider than the white around it, and is
    grey with something darker on it; the white is empty. Bold ink on white isn't so solid, and nothing is
    darker than it; where light or a panel ends within a page, there is ink on both sides.
    """
    rim = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    if np.mean(rim >= _WHITE) < _LEAST_AT_RIM:
        return picture
    step = max(1, max(picture.shape) // _LOOKED_AT)
    sample = np.ascontiguousarray(picture[::step, ::step])
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
        and _is_one_piece(kept)
    )


def _depth(mask: NDArray[np.bool_]) -> float:
    """How far from where the mask or the picture ends its pixels lie, at most."""
    within = np.pad(mask.astype(np.uint8), 1)
    return float(cv2.distanceTransform(within, cv2.DIST_L2, 3).max())


def _solidity(mask: NDArray[np.bool_]) -> float:
    """The mask's share of the convex hull around it."""
    hull = cv2.convexHull(np.argwhere(mask).astype(np.int32))
    return float(np.count_nonzero(mask)) / max(1.0, cv2.contourArea(hull))


def _is_one_piece(mask: NDArray[np.bool_]) -> bool:
    """Whether next to nothing of the mask is apart from its largest part."""
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[2]
    areas = np.asarray(stats, np.int64)[1:, cv2.CC_STAT_AREA]
    return int(areas.sum() - areas.max()) <= _MOST_APART * int(areas.sum())


def _filled(picture: Gray) -> Gray:
    """The picture with the light of the nearer paper where white reaches in from its rim; ink stays."""
    _, parts = cv2.connectedComponents((picture >= _WHITE).astype(np.uint8), connectivity=4)
    is_at_rim = np.zeros(int(parts.max()) + 1, np.uint8)
    for side in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
        is_at_rim[side] = 1
    is_at_rim[0] = 0
    white = is_at_rim[parts]
    outline = 2 * int(np.clip(np.ceil(_OUTLINE * min(picture.shape)), 1, _WIDEST_OUTLINE)) + 1
    outside = cv2.dilate(white, np.ones((outline, outline), np.uint8)).astype(np.bool_)
    if outside.all():
        return picture
    level = float(np.median(picture[~outside]))
    is_ink = picture < _INK * level
    paper = _light(picture, ~outside & (picture >= _NO_INK * level), level)
    return np.where(outside & ~is_ink, paper, picture)


def _light(picture: Gray, is_paper: NDArray[np.bool_], level: float) -> Gray:
    """How bright paper is or would be at each pixel, by the paper near it; far from any it has that level."""
    height, width = picture.shape
    scale = min(1.0, _LOOKED_AT / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    known = is_paper.astype(np.float32)
    share, light = (
        cv2.GaussianBlur(
            cv2.resize(each, size, interpolation=cv2.INTER_AREA), (0, 0), max(1.0, _SOFT * size[1])
        )
        for each in (known, known * (picture - np.float32(level)))
    )
    small = level + light / np.maximum(share, _LEAST_SHARE)
    full = cv2.resize(np.asarray(small, np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(full, 0, 255), np.uint8)
