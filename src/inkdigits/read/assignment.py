"""Which line of a batch says which number of a list, where every number is written once at most."""

import math

import numpy as np
from numpy.typing import NDArray

from inkdigits.read.candidates import EXCEPTIONS

UNASSIGNED = -1
"""The position of no number."""

LEAST = math.log(EXCEPTIONS)
"""ln of the probability from which on a line may be taken to say a number."""


def assign(log_probabilities: NDArray[np.float64], *, least: float = LEAST) -> NDArray[np.int64]:
    """The position of each line's number, int64 (n lines,), no number twice: likeliest for the whole batch.

    `log_probabilities` are float64, (n lines, m numbers), -inf allowed. A line is `UNASSIGNED` where all that
    is left for it is less likely than `least`; the sum is maximised in which such a line counts `least`.
    """
    n, m = log_probabilities.shape
    value = np.full((n, max(n, m)), least)
    value[:, :m] = np.maximum(log_probabilities, least)
    positions = _matched(-value)
    taken = np.append(log_probabilities, np.full((n, value.shape[1] - m), -np.inf), axis=1)
    return np.where(taken[np.arange(n), positions] >= least, positions, UNASSIGNED)


def _matched(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Each row's column, no column twice, of the least sum of costs; (n, m) with n ≤ m, in O(n² m).

    The Hungarian method by shortest augmenting paths: Jonker and Volgenant, "A shortest augmenting path
    algorithm for dense and sparse linear assignment problems", 1987, in the form of Crouse, "On implementing
    2D rectangular assignment algorithms", 2016. A row's price plus a column's never exceeds the cost, and
    equals it where they are matched.
    """
    n, m = cost.shape
    row_price, column_price = np.zeros(n), np.zeros(m)
    column_of, row_of = np.full(n, -1, np.int64), np.full(m, -1, np.int64)
    for start in range(n):
        distance, before, is_open = np.full(m, np.inf), np.full(m, -1), np.ones(m, np.bool_)
        row, reached, column = start, 0.0, -1
        while row >= 0:
            through = reached + cost[row] - row_price[row] - column_price
            nearer = is_open & (through < distance)
            distance[nearer], before[nearer] = through[nearer], row
            column = int(np.where(is_open, distance, np.inf).argmin())
            reached, is_open[column] = float(distance[column]), False
            row = int(row_of[column])
        passed = np.flatnonzero(~is_open & (row_of >= 0))
        row_price[start] += reached
        row_price[row_of[passed]] += reached - distance[passed]
        column_price[passed] -= reached - distance[passed]
        while row != start:
            row = int(before[column])
            row_of[column] = row
            column, column_of[row] = int(column_of[row]), column
    return column_of
