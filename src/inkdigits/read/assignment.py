"""Which line of a batch says which number of a list, where every number is written once at most."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inkdigits.read.candidates import EXCEPTIONS
from inkdigits.types import Document, Line

UNASSIGNED = -1
"""The position of no number."""

LEAST = math.log(EXCEPTIONS)
"""ln of the probability from which on a line may be taken to say a number."""

_SMALLEST = 1e-300


def settled(documents: Sequence[Document], allowed: Sequence[str]) -> list[Document]:
    """The documents with every allowed number on one line at most: likeliest by the candidates of all lines.

    A line whose number is taken by a surer one gets its next candidate, or is refused where it has none left.
    """
    lines = [line for document in documents for page in document.pages for line in page.lines]
    place = {number: at for at, number in enumerate(allowed)}
    value = np.full((len(lines), len(allowed)), -np.inf)
    for row, line in enumerate(lines):
        for candidate in line.candidates:
            value[row, place[candidate.text]] = math.log(max(candidate.probability, _SMALLEST))
    positions = assign(value)
    given = iter(
        [
            _given(line, allowed[at] if at >= 0 else None)
            for line, at in zip(lines, positions.tolist(), strict=True)
        ]
    )
    return [
        replace(
            document,
            pages=tuple(
                replace(page, lines=tuple(next(given) for _ in page.lines)) for page in document.pages
            ),
        )
        for document in documents
    ]


def _given(line: Line, number: str | None) -> Line:
    """The line with the number that it was given."""
    if number == line.text or (number is None and line.reason is not None):
        return line
    if number is None:
        return replace(line, accepted=False, reason="its number is on another line")
    (chosen,) = (candidate for candidate in line.candidates if candidate.text == number)
    return replace(
        line, text=number, confidence=chosen.confidence, accepted=False, reason="unsure", digits=()
    )


def assign(log_probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """The position of each line's number, int64 (n lines,), no number twice: likeliest for the whole batch.

    `log_probabilities` are float64, (n lines, m numbers), -inf allowed. A line is `UNASSIGNED` where all that
    is left for it is less likely than `LEAST`; the sum is maximised in which such a line counts `LEAST`.
    """
    n, m = log_probabilities.shape
    value = np.full((n, max(n, m)), LEAST)
    value[:, :m] = np.maximum(log_probabilities, LEAST)
    positions = _matched(-value)
    taken = np.append(log_probabilities, np.full((n, value.shape[1] - m), -np.inf), axis=1)
    return np.where(taken[np.arange(n), positions] >= LEAST, positions, UNASSIGNED)


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
