"""How much of its accuracy a model keeps where images aren't as those that it learnt from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigits import stats
from inkdigits.data import split
from inkdigits.evaluate import corruptions, invariances
from inkdigits.evaluate.metrics import Progress, scores
from inkdigits.types import Classifier, Dataset, Images

_Changing = Callable[..., Images]

MOST_CHANGED = 1000
"""Images of which robustness is measured: every few of the set, where it has more."""

SHOWN = 8
"""Images kept of each change, to be looked at."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """What a change of the images does: the accuracy with Wilson's interval at 95 %, and how much it `cost`.

    `examples` are the first `SHOWN` changed images, `right` tells of each whether it is read right.
    """

    name: str
    accuracy: float
    interval: tuple[float, float]
    cost: float
    examples: Images
    right: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """Accuracy on `n` images, as they are and changed.

    `corruptions` are shown as they are, their costs those of `accuracy`. `pages` went through a picture and
    back; their costs are those of `plain_accuracy`, that of pictures as plain as can be.
    """

    n: int
    accuracy: float
    plain_accuracy: float
    corruptions: tuple[Change, ...]
    pages: tuple[Change, ...]

    def values(self) -> dict[str, Any]:
        """The figures as plain values, without the images."""

        def of(change: Change) -> dict[str, Any]:
            return {
                "name": change.name,
                "accuracy": change.accuracy,
                "interval": change.interval,
                "cost": change.cost,
            }

        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "mean_corrupted_accuracy": self.mean_corrupted_accuracy,
            "corruptions": [of(each) for each in self.corruptions],
            "plain_accuracy": self.plain_accuracy,
            "pages": [of(each) for each in self.pages],
        }

    @property
    def mean_corrupted_accuracy(self) -> float:
        """The mean over the corruptions."""
        return float(np.mean([each.accuracy for each in self.corruptions]))


def robustness(
    classifier: Classifier,
    dataset: Dataset,
    *,
    seed: int = 0,
    progress: Progress = lambda _done, _total: None,
) -> Robustness:
    """A model's accuracy under every corruption and on every kind of picture."""
    n_parts = 2 + len(corruptions.NAMES) + len(invariances.NAMES)
    done = 0

    def right(images: Images) -> NDArray[np.bool_]:
        nonlocal done
        found, _ = scores(classifier, replace(dataset, images=images))
        done += 1
        progress(done, n_parts)
        return np.asarray(found.argmax(axis=1) == dataset.labels)

    def changes(names: tuple[str, ...], change: _Changing, before: float) -> tuple[Change, ...]:
        changed = ((name, change(dataset.images, name, seed=seed)) for name in names)
        return tuple(_change(name, images, right(images), before) for name, images in changed)

    accuracy = float(right(dataset.images).mean())
    plain = float(right(invariances.shown(dataset.images, invariances.PLAIN, seed=seed)).mean())
    return Robustness(
        n=len(dataset),
        accuracy=accuracy,
        plain_accuracy=plain,
        corruptions=changes(corruptions.NAMES, corruptions.corrupted, accuracy),
        pages=changes(invariances.NAMES, invariances.shown, plain),
    )


def sample(dataset: Dataset) -> Dataset:
    """At most `MOST_CHANGED` of the images, as far apart as can be."""
    return dataset.select(split.evenly(len(dataset), MOST_CHANGED), split=dataset.split)


def _change(name: str, images: Images, right: NDArray[np.bool_], before: float) -> Change:
    n, n_right = len(right), int(right.sum())
    return Change(
        name=name,
        accuracy=n_right / n,
        interval=stats.wilson(n_right, n),
        cost=before - n_right / n,
        examples=images[:SHOWN],
        right=right[:SHOWN],
    )
