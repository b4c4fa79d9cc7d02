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
_SOFT, _SOFT_OF_OTHERS = 0.06, 0.012


def of_digit(ink: NDArray[np.float32], inked: Gray) -> Gray:
    """A mask, uint8 0 and 1, of the strokes that make up the digit, with a margin for their soft edges.

    `inked` says where the ink is. The main stroke has most ink, counted less the farther it is from the
    middle and the longer the rim cuts it off; with it go small parts beside it, and whole strokes nearly as
    long that the rim doesn't touch: two digits are seen as two, not as one of them.
    """
    height, width = inked.shape
    _, parts, stats, centres = cv2.connectedComponentsWithStats(inked, connectivity=8)
    n_parts = len(stats)
    mass = np.bincount(parts.ravel(), weights=ink.ravel(), minlength=n_parts)[1:]
    rim = np.concatenate([parts[0], parts[-1], parts[1:-1, 0], parts[1:-1, -1]])
    on_rim = np.bincount(rim, minlength=n_parts)[1:]
    boxes = np.asarray(stats[1:], np.int32)
    cut_off = on_rim / (boxes[:, cv2.CC_STAT_WIDTH] + boxes[:, cv2.CC_STAT_HEIGHT])
    away = np.hypot(centres[1:, 0] / width - 0.5, centres[1:, 1] / height - 0.5)
    worth = mass * np.exp(-((away / _CENTRAL) ** 2) - (cut_off / _CUT_OFF) ** 2)
    main = int(worth.argmax())
    gap = _gaps(boxes, main)
    part = (mass >= _LEAST_PART * mass[main]) & (gap <= _PART_GAP) & (cut_off < _PART_CUT_OFF)
    length = np.maximum(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT])
    neighbour = (
        (length >= _LEAST_NEIGHBOUR * length[main])
        & (mass >= _LIGHTEST * mass[main])
        & (gap <= _NEIGHBOUR_GAP)
        & (on_rim == 0)
    )
    kept = np.concatenate([[False], part | neighbour])
    kept[main + 1] = True
    others = ~kept
    others[0] = False
    wide, narrow = (_margin(share, max(height, width)) for share in (_SOFT, _SOFT_OF_OTHERS))
    own = kept[parts].astype(np.uint8)
    beside = cv2.dilate(own, wide) > cv2.dilate(others[parts].astype(np.uint8), narrow)
    return np.asarray(own | beside, np.uint8)


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
