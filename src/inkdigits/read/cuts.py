"""A strip cut between its digits, once it is known about where each of them is."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.types import Gray

Columns = tuple[float, float]
"""The first column of a part of a strip, and the one behind it."""


def at_frames(ink: Gray, spans: Sequence[tuple[int, int]]) -> list[Columns]:
    """The columns of each digit, whose frames are given: the first, and the one after the last.

    Each reaches to the emptiest column between it and its neighbours; together they are all of the strip.
    """
    if not spans:
        return []
    middles = [round(image.COLUMNS * (first + end) / 2) - image.MARGIN for first, end in spans]
    cuts = [_emptiest(ink, *each) for each in itertools.pairwise(middles)]
    return list(itertools.pairwise([0.0, *cuts, float(ink.shape[1])]))


def digit(ink: Gray, columns: Columns) -> Gray | None:
    """The digit image of what is between two columns of a strip; None where nothing is."""
    first = min(int(columns[0]), ink.shape[1] - 1)
    part = ink[:, first : max(first + 1, math.ceil(columns[1]))]
    try:
        return image.digit(255 - part)
    except UserError:
        return None


def _emptiest(ink: Gray, first: int, end: int) -> float:
    """Of the columns between two, the one with least ink; of several, the nearest to their middle."""
    first, end = max(0, first), min(ink.shape[1], end)
    if end <= first:
        return float(first)
    inked = ink[:, first:end].sum(axis=0, dtype=np.int64)
    emptiest = np.flatnonzero(inked == inked.min()) + 0.5
    return float(first + emptiest[abs(emptiest - len(inked) / 2).argmin()])
