"""Why a model answered as it did: where it looked, and what it finds alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Box, Gray


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """Where a model looked, by one method: float32 (28, 28), more where more speaks for the label."""

    method: str
    amounts: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbour:
    """A labelled image that a model finds alike, and how far it is from the one in question, from 0."""

    image: Gray
    label: str
    distance: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """One image and what a model made of it.

    `picture` is what it was cut out of, at `box`; `image` is the digit image. `scores` are the probabilities
    of `label_names`. `looks` are of `label`, which is the answer or another one. `truth` is what the image
    really is, None where that isn't known.
    """

    name: str
    picture: Gray
    box: Box
    image: Gray
    truth: str | None
    scores: tuple[float, ...]
    label_names: tuple[str, ...]
    label: str
    looks: tuple[Look, ...]
    neighbours: tuple[Neighbour, ...] = ()

    @property
    def answer(self) -> str:
        """The label with the highest probability."""
        return self.label_names[self.scores.index(self.confidence)]

    @property
    def confidence(self) -> float:
        """The highest probability."""
        return max(self.scores)
