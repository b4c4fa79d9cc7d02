"""How many pixels have each level, and what follows from that alone: quick, since it is 256 numbers."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Gray

Counts = NDArray[np.int64]
"""How many pixels have each level from 0 on: int64, (256,) or fewer."""


def counts(picture: Gray) -> Counts:
    """How many pixels have each level; those of level 0, mostly paper, are quicker to infer."""
    found = np.asarray(cv2.calcHist([picture], [0], picture, [256], [0, 256]), np.int64).ravel()
    found[0] = picture.size - found.sum()
    return found


def otsu(picture: Gray) -> int:
    """The level that best tells two kinds of pixels apart, the lower kind up to it (Otsu, 1979)."""
    return int(cv2.threshold(picture, 0, 255, cv2.THRESH_OTSU)[0])


def mean(counted: Counts, *, first: int = 0) -> float:
    """The mean level, where the counts begin with the level `first`, which it is without pixels."""
    return first + float(counted @ np.arange(len(counted))) / max(int(counted.sum()), 1)


def median(counted: Counts) -> float:
    """The level in the middle; of an even number the mean of the two."""
    until = np.cumsum(counted)
    n = int(until[-1])
    return float(np.searchsorted(until, [(n - 1) // 2, n // 2], side="right").sum()) / 2
