"""Pen strokes drawn as pictures: a smooth curve through the points, anti-aliased."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Gray, Images

_SIDE = 80
_MARGIN = 12
_PEN = 6
_STEPS = 12
_FRACTION_BITS = 4


def draw(points: NDArray[np.generic]) -> Images:
    """Each stroke as a picture: uint8 (n, 80, 80), bright ink on black.

    `points` is (n, points, 2): x and y from 0 to 100, y upwards, in the order of the pen.
    """
    return np.stack([_draw(curve) for curve in smooth(points.astype(np.float64))])


def smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Catmull–Rom curves through the points: (n, points, 2) → (n, 12 × (points − 1) + 1, 2)."""
    ends = 2 * points[:, [0, -1]] - points[:, [1, -2]]
    padded = np.concatenate([ends[:, :1], points, ends[:, 1:]], axis=1)
    before, start, end, after = (padded[:, at : at + points.shape[1] - 1, np.newaxis] for at in range(4))
    t = (np.arange(_STEPS) / _STEPS)[:, np.newaxis]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return np.concatenate([curve.reshape(len(points), -1, 2), points[:, -1:]], axis=1)


def _draw(curve: NDArray[np.float64]) -> Gray:
    scale = (_SIDE - 1 - 2 * _MARGIN) / 100
    on_picture = np.stack([_MARGIN + curve[:, 0] * scale, _MARGIN + (100 - curve[:, 1]) * scale], axis=1)
    fixed = np.rint(on_picture * (1 << _FRACTION_BITS)).astype(np.int32)
    picture = np.zeros((_SIDE, _SIDE), np.uint8)
    cv2.polylines(
        picture,
        [fixed],
        isClosed=False,
        color=255,
        thickness=_PEN,
        lineType=cv2.LINE_AA,
        shift=_FRACTION_BITS,
    )
    return picture
