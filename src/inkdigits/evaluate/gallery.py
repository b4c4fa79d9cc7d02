"""The images that say most of a model: its worst mistakes, and those that it was least sure of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigits.evaluate import occlusion
from inkdigits.types import Classifier, Dataset, Gray, Scores


@dataclass(frozen=True, kw_only=True, eq=False)
class Pick:
    """An image at `row` of its set: what it is, what it was read as and how surely, what came next.

    `looked_at`, float32 (28, 28), is by how much the answer's probability falls where a pixel is covered.
    """

    row: int
    image: Gray
    label: str
    answer: str
    confidence: float
    second: str
    second_confidence: float
    looked_at: NDArray[np.float32]

    @property
    def is_right(self) -> bool:
        """Whether it was read as what it is."""
        return self.answer == self.label


def worst(scores: Scores, dataset: Dataset, *, n: int) -> NDArray[np.intp]:
    """The rows of up to n wrong answers, the surest first."""
    wrong = np.flatnonzero(scores.argmax(axis=1) != dataset.labels)
    return wrong[np.argsort(-scores[wrong].max(axis=1), kind="stable")][:n]


def least_sure(scores: Scores, *, n: int) -> NDArray[np.intp]:
    """The rows of the n least sure answers, right or wrong."""
    return np.argsort(scores.max(axis=1), kind="stable")[:n]


def picks(
    rows: NDArray[np.intp], scores: Scores, dataset: Dataset, classifier: Classifier
) -> tuple[Pick, ...]:
    """Those images, and where the classifier looked."""
    looks = occlusion.looks(dataset.images[rows], classifier)
    return tuple(_pick(int(row), scores[row], dataset, look) for row, look in zip(rows, looks, strict=True))


def _pick(row: int, scores: Scores, dataset: Dataset, look: NDArray[np.float32]) -> Pick:
    order = np.argsort(-scores, kind="stable")
    first, second = order[0], order[min(1, len(order) - 1)]
    return Pick(
        row=row,
        image=dataset.images[row],
        label=dataset.label_names[dataset.labels[row]],
        answer=dataset.label_names[first],
        confidence=float(scores[first]),
        second=dataset.label_names[second],
        second_confidence=float(scores[second]),
        looked_at=look,
    )
