"""Holding out a part of a data set: by row, class by class, or by whole groups such as writers.

Which rows are held out depends on the seed and the images alone (a hash orders them), so it is the same on
every machine, equal images stay together, and of a set that grows hardly a row changes sides.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import UserError
from inkdigits.types import Dataset

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def hold_out(dataset: Dataset, fraction: float, *, seed: int) -> tuple[Dataset, Dataset]:
    """The data set without a fraction of it, and that fraction: whole groups if known, else rows."""
    by = by_row if dataset.groups is None else by_group
    return by(dataset, fraction, seed=seed)


def by_row(dataset: Dataset, fraction: float, *, seed: int) -> tuple[Dataset, Dataset]:
    """The rest and the held-out rows: of every class the same fraction, to the nearest row.

    Raises UserError for a fraction that leaves either of them empty.
    """
    _check(fraction)
    order = _shuffled(dataset, seed=seed)
    shuffled = dataset.labels[order]
    held = np.zeros(len(dataset), np.bool_)
    for label in np.unique(dataset.labels):
        rows = order[shuffled == label]
        held[rows[: round(fraction * len(rows))]] = True
    if held.all() or not held.any():
        raise _one_sided(
            dataset, held, fraction, cure=f"{_enough(fraction, held)} images of a class would do"
        )
    return _divided(dataset, held)


def by_group(dataset: Dataset, fraction: float, *, seed: int) -> tuple[Dataset, Dataset]:
    """The rest and the held-out groups: as many, in hashed order, as come nearest to that fraction.

    Raises UserError without groups, and for a fraction that leaves either of them empty.
    """
    _check(fraction)
    if dataset.groups is None:
        raise UserError(f"{dataset.name} has no groups; split it by row")
    groups, member, sizes = np.unique(dataset.groups, return_inverse=True, return_counts=True)
    order = np.argsort(_hash(groups.astype(np.uint64), seed=seed), kind="stable")
    so_far = np.concatenate([[0], np.cumsum(sizes[order])])
    n_held = int(np.argmin(np.abs(so_far - fraction * len(dataset))))
    chosen = np.zeros(len(groups), np.bool_)
    chosen[order[:n_held]] = True
    held = chosen[member]
    if held.all() or not held.any():
        there = "there is 1" if len(groups) == 1 else f"there are {len(groups)}"
        cure = f"it takes about {_enough(fraction, held)} groups of like size, and {there}"
        raise _one_sided(dataset, held, fraction, cure=cure)
    return _divided(dataset, held)


def few(dataset: Dataset, n: int, *, seed: int) -> Dataset:
    """So many rows of every class, or all of it where there are fewer."""
    order = _shuffled(dataset, seed=seed)
    shuffled = dataset.labels[order]
    rows = [order[shuffled == label][:n] for label in np.unique(dataset.labels)]
    return dataset.select(np.sort(np.concatenate(rows)), split=dataset.split)


def evenly(n: int, most: int) -> NDArray[np.int64]:
    """Rows of n, `most` of them at most, as far apart as can be: int64, rising."""
    return np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)


def _check(fraction: float) -> None:
    if not 0 < fraction < 1:
        raise UserError(f"the fraction to hold out is {fraction:g}; it should be between 0 and 1")


def _one_sided(dataset: Dataset, held: NDArray[np.bool_], fraction: float, *, cure: str) -> UserError:
    which = "all" if held.any() else "none"
    return UserError(
        f"holding out {fraction:g} of the {len(dataset)} images of {dataset.name} "
        f"takes {which} of them: {cure}"
    )


def _enough(fraction: float, held: NDArray[np.bool_]) -> str:
    """How many the smaller part is at least one of, to the nearest: its share of them is above a half."""
    share = 1 - fraction if held.any() else fraction
    return f"{np.floor(round(0.5 / share, 6)) + 1:.0f}"


def _divided(dataset: Dataset, held: NDArray[np.bool_]) -> tuple[Dataset, Dataset]:
    return (
        dataset.select(np.flatnonzero(~held), split=dataset.split),
        dataset.select(np.flatnonzero(held), split="validation"),
    )


def _shuffled(dataset: Dataset, *, seed: int) -> NDArray[np.intp]:
    """All rows, in an order that is each image's own matter."""
    digests = b"".join(hashlib.sha256(image.tobytes()).digest()[:8] for image in dataset.images)
    return np.argsort(_hash(np.frombuffer(digests, "<u8").astype(np.uint64), seed=seed), kind="stable")


def _hash(numbers: NDArray[np.uint64], *, seed: int) -> NDArray[np.uint64]:
    """A well-mixed number for each, given the seed: SplitMix64 (Steele, Lea and Flood, 2014), twice."""
    offset = np.uint64(_mixed(np.array([seed & _MASK], np.uint64))[0])
    return _mixed(numbers ^ offset)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = numbers + np.uint64(_GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
