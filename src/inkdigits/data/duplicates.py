"""Images that occur twice: byte for byte, or so nearly that one must be a copy of the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from inkdigits.types import SIDE, Dataset, Images

NEAR = 0.14
"""Two images are near duplicates when ‖x − y‖ ≤ 0.14 ‖x‖: saving as JPEG stays below that (0.09 at quality
60), while of MNIST's 60,000 training images only two, both ones, have a test image so near."""

_BLOCK = 4
_ROWS = 512
_SHOWN = 20
_ROUNDING = 0.01

Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two rows that show the same image."""

    split: str
    row: int
    label: str
    other_split: str
    other_row: int
    other_label: str


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """How many rows repeat others, exactly and nearly (exact ones not counted again), and the first pairs.

    Exact ones are looked for everywhere. Near ones across the splits, or in the one split there is.
    """

    n_exact_within: int
    n_exact_across: int
    n_near: int
    exact: tuple[Pair, ...]
    near: tuple[Pair, ...]


def find(datasets: tuple[Dataset, ...]) -> Duplicates:
    """The duplicates in and between the splits of a set. Black images are left out."""
    within = [pair for dataset in datasets for pair in exact(dataset, dataset)]
    across = [pair for one, other in combinations(datasets, 2) for pair in exact(one, other)]
    spans = list(combinations(datasets, 2)) or [(dataset, dataset) for dataset in datasets]
    nearly = [pair for one, other in spans for pair in near(one, other)]
    return Duplicates(
        n_exact_within=len(within),
        n_exact_across=len(across),
        n_near=len(nearly),
        exact=tuple(islice((*across, *within), _SHOWN)),
        near=tuple(nearly[:_SHOWN]),
    )


def exact(one: Dataset, other: Dataset) -> list[Pair]:
    """Each row of `one` that `other` has too, with the first such; in the same set, the first before it."""
    first: dict[bytes, int] = {}
    for row, image in _inked(other):
        first.setdefault(image.tobytes(), row)
    same = one is other
    found = ((row, first.get(image.tobytes())) for row, image in _inked(one))
    return [
        _pair(one, row, other, match)
        for row, match in found
        if match is not None and not (same and match == row)
    ]


def near(one: Dataset, other: Dataset) -> list[Pair]:
    """Each row of `one` with a near duplicate in `other` that isn't exact, and the nearest one.

    4×4 block means, scaled, are an orthogonal projection, which never lengthens: whatever is near is
    near there too, so nothing is missed, and the few candidates are then compared pixel by pixel.
    """
    nearest: dict[int, tuple[float, int]] = {}
    for rows, others in _candidates(one.images, other.images):
        distances, allowed = _distances(one.images[rows], other.images[others])
        wanted = (distances > 0) & (distances <= allowed)
        if one is other:
            wanted &= others < rows
        for row, match, distance in zip(rows[wanted], others[wanted], distances[wanted], strict=True):
            nearest[int(row)] = min(nearest.get(int(row), (np.inf, -1)), (float(distance), int(match)))
    return [_pair(one, row, other, match) for row, (_, match) in sorted(nearest.items())]


def _candidates(one: Images, other: Images) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of rows whose projections are near, sorted by length so that most pairs are never formed."""
    lengths, other_lengths = _lengths(one), _lengths(other)
    order, other_order = np.argsort(lengths), np.argsort(other_lengths)
    order = order[lengths[order] > 0]
    ascending = other_lengths[other_order]
    left, right = _factors(one, lengths), _other_factors(other)[other_order].T
    for start in range(0, len(order), _ROWS):
        rows = order[start : start + _ROWS]
        shortest, longest = lengths[rows[0]] * (1 - NEAR), lengths[rows[-1]] * (1 + NEAR)
        begin, end = np.searchsorted(ascending, [shortest, longest])
        at, match = np.nonzero(left[rows] @ right[:, begin:end] <= _ROUNDING)
        yield rows[at], other_order[begin:end][match]


def _factors(images: Images, lengths: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows a' such that a' · b' (of `_other_factors`) is ‖a − b‖² of the projections less (0.14 ‖a‖)²."""
    small = _projected(images)
    beyond = (small**2).sum(axis=1) - (NEAR * lengths) ** 2
    return np.column_stack([-2 * small, beyond, np.ones_like(beyond)])


def _other_factors(images: Images) -> NDArray[np.float32]:
    small = _projected(images)
    squares = (small**2).sum(axis=1)
    return np.column_stack([small, np.ones_like(squares), squares])


def _projected(images: Images) -> NDArray[np.float32]:
    blocks = images.reshape(len(images), SIDE // _BLOCK, _BLOCK, SIDE // _BLOCK, _BLOCK)
    sums = blocks.sum(axis=(2, 4), dtype=np.float32).reshape(len(images), (SIDE // _BLOCK) ** 2)
    # In units of the full ink of one pixel, so that float32 rounds off far less than _ROUNDING.
    return np.asarray(sums / (255 * _BLOCK), np.float32)


def _lengths(images: Images) -> NDArray[np.float32]:
    flat = images.reshape(len(images), SIDE * SIDE)
    squares = [
        np.square(rows, dtype=np.float32).sum(axis=1) for rows in np.array_split(flat, len(flat) // 4096 + 1)
    ]
    return np.asarray(np.sqrt(np.concatenate(squares)) / 255, np.float32)


def _distances(one: Images, other: Images) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """‖x − y‖ for each pair of images, and what counts as near."""
    x, y = (images.reshape(len(images), SIDE * SIDE).astype(np.float64) for images in (one, other))
    return np.sqrt(((x - y) ** 2).sum(axis=1)), NEAR * np.sqrt((x**2).sum(axis=1))


def _inked(dataset: Dataset) -> Iterator[tuple[int, Images]]:
    inked = np.flatnonzero(dataset.images.any(axis=(1, 2)))
    return ((int(row), dataset.images[row]) for row in inked)


def _pair(one: Dataset, row: int, other: Dataset, other_row: int) -> Pair:
    return Pair(
        split=one.split,
        row=row,
        label=one.label_names[one.labels[row]],
        other_split=other.split,
        other_row=other_row,
        other_label=other.label_names[other.labels[other_row]],
    )
