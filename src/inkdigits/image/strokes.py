"""Which strokes in a crop are the digit's: the one that is large and central, and what belongs to it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Gray

_CENTRAL = 0.3
_CUT_OFF = 0.2
_LEAST_PART, _PART_GAP, _PART_CUT_OFF = 0.04, 0.3, 0.1
_LEAST_NEIGHBOUR, _NEIGHBOUR_GAP = 0.6, 1.0
_LIGHTEST = 0.2
_GRAIN, _LEAST_MAIN = 0.06, 0.4
_SOFT, _SOFT_OF_OTHERS = 0.06, 0.012

_Parts = NDArray[np.uint16]


def of_digit(ink: Gray, inked: Gray) -> Gray:
    """A mask, uint8 0 and 1, of the strokes that make up the digit, with a margin for their soft edges.

    `inked` says where the ink is. The main stroke has most ink, counted less the farther it is from the
    middle and the longer the rim cuts it off; with it go small parts beside it, and whole strokes nearly as
    long that the rim doesn't touch: two digits are seen as two, not as one of them. What comes in from the
    rim and is longer than the main stroke is a frame's. There are none where the
    ink is in so many parts, no one of them large, that it is the paper's grain.
    """
    height, width = inked.shape
    wide, narrow = (_margin(share, max(height, width)) for share in (_SOFT, _SOFT_OF_OTHERS))
    parts, stats, centres = connected(inked)
    n_parts = len(stats)
    if n_parts == 2:
        return np.asarray(cv2.dilate(inked, wide), np.uint8)
    mass = masses(ink, parts, n_parts)[1:]
    rim = np.concatenate([parts[0], parts[-1], parts[1:-1, 0], parts[1:-1, -1]])
    on_rim = np.bincount(rim, minlength=n_parts)[1:]
    boxes = stats[1:]
    cut_off = on_rim / (boxes[:, cv2.CC_STAT_WIDTH] + boxes[:, cv2.CC_STAT_HEIGHT])
    away = np.hypot(centres[1:, 0] / width - 0.5, centres[1:, 1] / height - 0.5)
    worth = mass * np.exp(-((away / _CENTRAL) ** 2) - (cut_off / _CUT_OFF) ** 2)
    main = int(worth.argmax())
    if len(mass) > _GRAIN * np.count_nonzero(inked) and mass[main] < _LEAST_MAIN * mass.sum():
        return np.zeros_like(inked)
    gap = _gaps(boxes, main)
    length = np.maximum(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT])
    around = (on_rim > 0) & (length > length[main])
    part = (mass >= _LEAST_PART * mass[main]) & (gap <= _PART_GAP) & (cut_off < _PART_CUT_OFF) & ~around
    neighbour = (
        (length >= _LEAST_NEIGHBOUR * length[main])
        & (mass >= _LIGHTEST * mass[main])
        & (gap <= _NEIGHBOUR_GAP)
        & (on_rim == 0)
    )
    kept = np.concatenate([[False], part | neighbour])
    kept[main + 1] = True
    own = kept.astype(np.uint8).take(parts)
    beside = cv2.dilate(own, wide) > cv2.dilate(inked - own, narrow)
    return np.asarray(own | beside, np.uint8)


def connected(inked: Gray) -> tuple[_Parts, NDArray[np.int32], NDArray[np.float64]]:
    """The connected parts of a mask: of each pixel whose it is, and each part's OpenCV statistics and centre.

    Part 0 is what isn't inked.
    """
    found = cv2.connectedComponentsWithStats(inked, connectivity=8, ltype=cv2.CV_16U)
    return np.asarray(found[1], np.uint16), np.asarray(found[2], np.int32), np.asarray(found[3], np.float64)


def masses(ink: Gray, parts: _Parts, n_parts: int) -> NDArray[np.float64]:
    """How much ink each part has, float64 (n_parts,)."""
    inked = np.flatnonzero(ink > 0)
    found = np.bincount(parts.take(inked), weights=ink.take(inked), minlength=n_parts)
    return np.asarray(found, np.float64)


def _margin(share: float, length: int) -> Gray:
    side = 2 * max(1, round(share * length)) + 1
    return np.ones((side, side), np.uint8)


def _gaps(boxes: NDArray[np.int32], main: int) -> NDArray[np.float64]:
    """How far each box is from the main one, in lengths of the main one."""
    left, top = boxes[:, cv2.CC_STAT_LEFT], boxes[:, cv2.CC_STAT_TOP]
    right, bottom = left + boxes[:, cv2.CC_STAT_WIDTH], top + boxes[:, cv2.CC_STAT_HEIGHT]
    across = np.maximum(left - right[main], left[main] - right)
    down = np.maximum(top - bottom[main], top[main] - bottom)
    length = max(right[main] - left[main], bottom[main] - top[main])
    return np.asarray(np.maximum(np.maximum(across, down), 0) / length, np.float64)
