"""Two classifiers on the same images: whether one is better, or was lucky."""

from dataclasses import dataclass

import numpy as np

from inkdigits import stats
from inkdigits.errors import UserError
from inkdigits.evaluate.check import require_labels, require_scores
from inkdigits.evaluate.table import percent
from inkdigits.types import Labels, Scores

ALPHA = 0.05
"""The p-value below which a difference counts as shown."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two classifiers on the same `n` images; `difference` is the second's accuracy less the first's.

    The intervals are Wilson's at 95 %. They may overlap where the difference is beyond doubt, for both
    saw the same images: `p_value` (McNemar's exact test, two-sided) is what decides.
    """

    n: int
    first_accuracy: float
    first_interval: tuple[float, float]
    second_accuracy: float
    second_interval: tuple[float, float]
    difference: float
    only_first_right: int
    only_second_right: int
    p_value: float
    verdict: str


def compare(
    first: Scores,
    second: Scores,
    *,
    labels: Labels,
    names: tuple[str, str] = ("the first model", "the second model"),
) -> Comparison:
    """What the scores of two classifiers for the same images say about which is better."""
    if first.shape != second.shape:
        raise UserError(
            f"the scores of {names[0]} have the shape {first.shape}, those of {names[1]} {second.shape}; "
            "two models are compared on the same images and labels"
        )
    first_right, second_right = _right(first, labels), _right(second, labels)
    n, n_first, n_second = len(labels), int(first_right.sum()), int(second_right.sum())
    test = stats.mcnemar(first_right, second_right)
    return Comparison(
        n=n,
        first_accuracy=n_first / n,
        first_interval=stats.wilson(n_first, n),
        second_accuracy=n_second / n,
        second_interval=stats.wilson(n_second, n),
        difference=(n_second - n_first) / n,
        only_first_right=test.only_first,
        only_second_right=test.only_second,
        p_value=test.p_value,
        verdict=_verdict(test, accuracies=(n_first / n, n_second / n), names=names),
    )


def _right(scores: Scores, labels: Labels) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each row's highest score is its label's: bool, (n,)."""
    n_classes = scores.shape[1] if scores.ndim == 2 else 0
    label_names = tuple(map(str, range(n_classes)))
    require_scores(scores, n=len(labels), label_names=label_names)
    require_labels(labels, label_names)
    return np.asarray(scores.argmax(axis=1) == labels)


def _verdict(test: stats.McNemar, *, accuracies: tuple[float, float], names: tuple[str, str]) -> str:
    """The outcome in one plain sentence."""
    apart = test.only_first + test.only_second
    if apart == 0:
        return (
            f"No difference at all: {names[0]} and {names[1]} are right on the same images of the {test.n:,}."
        )
    second_leads = test.only_second >= test.only_first
    leader, other = reversed(names) if second_leads else names
    high, low = max(accuracies), min(accuracies)
    shown = test.p_value < ALPHA
    opening = "A difference beyond chance" if shown else "No difference shown"
    return (
        f"{opening}: {leader} reads {percent(high)} right and {other} {percent(low)}; of the {apart:,} "
        f"images that only one of them reads right, {leader} has {max(test.only_first, test.only_second):,}"
        f"{'' if shown else ', as chance could well have it'} "
        f"(McNemar's exact test, {_p_value(test.p_value)})."
    )


def _p_value(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
