"""Whether a confidence means what it says: the temperature, whom to believe, and sets of likely answers.

Everything here is of scores alone, so that it holds for any `Classifier`. What is chosen (a temperature,
thresholds, the size of prediction sets) has to be judged on other images than it was chosen on.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inkdigits import stats
from inkdigits.card import NONE, Card
from inkdigits.types import Labels, Scores

ERROR_RATES = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""Shares of wrong answers among the accepted ones that thresholds are given for."""

LEAST_IMAGES = 500
"""Held-out images from which on a temperature is chosen: fewer mislead it more than they mend."""

_LEAST_ANSWERS = 3
_COOLEST, _HOTTEST = 0.05, 20.0
_PRECISION = 0.002
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, kw_only=True)
class Bin:
    """The images whose confidence lies in one of the bins of the calibration error."""

    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The most confident answers with at most so many mistakes among them.

    Of `coverage`, their share of all answers, `error` are wrong; from `least_confidence` on.
    """

    error_rate: float
    least_confidence: float
    coverage: float
    error: float


@dataclass(frozen=True, kw_only=True)
class PredictionSets:
    """Sets of labels that hold the right one with the probability `level`.

    Chosen on one half of the images and judged on the other, both ways round: `coverage` is how often they
    do, `mean_size` how many labels they have, `singles` the share that has one.
    """

    level: float
    coverage: float
    mean_size: float
    singles: float


def tempered(scores: Scores, temperature: float) -> Scores:
    """The scores that the same logits give divided by `temperature` too: p^(1/T), made to sum to 1."""
    logs = np.log(np.maximum(scores, np.finfo(np.float32).tiny)) / np.float32(temperature)
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    found: Scores = powers / powers.sum(axis=1, keepdims=True)
    return found


def best_temperature(nll: Callable[[float], float]) -> float:
    """What the logits are divided by so that the likelihood of held-out labels is highest: 0.05 to 20.

    `nll` is their negative log-likelihood at a temperature, which has one minimum (Guo et al. 2017,
    arXiv:1706.04599, section 4.2); it is closed in on by golden sections, to 0.2 %.
    """
    low, high = math.log(_COOLEST), math.log(_HOTTEST)
    inner = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    found = [nll(math.exp(at)) for at in inner]
    while high - low > _PRECISION:
        if found[0] <= found[1]:
            high = inner[1]
            inner = [high - _GOLDEN * (high - low), inner[0]]
            found = [nll(math.exp(inner[0])), found[0]]
        else:
            low = inner[0]
            inner = [inner[1], low + _GOLDEN * (high - low)]
            found = [found[1], nll(math.exp(inner[1]))]
    return math.exp((low + high) / 2)


def temperature(scores: Scores, labels: Labels) -> float:
    """The best temperature for these scores, or 1 where there are too few images to tell."""
    if len(labels) < LEAST_IMAGES:
        return 1.0
    logs = np.log(np.maximum(scores, np.finfo(np.float32).tiny)).astype(np.float64)
    behind = logs - logs[np.arange(len(labels)), labels][:, np.newaxis]
    highest = behind.max(axis=1)

    def nll(tried: float) -> float:
        """Not of probabilities, which a limit from below would keep from telling large ones apart."""
        sums = np.exp((behind - highest[:, np.newaxis]) / tried).sum(axis=1)
        return float((highest / tried + np.log(sums)).mean())

    return best_temperature(nll)


def calibrated(card: Card, scores: Scores, labels: Labels) -> Card:
    """The card with temperature and thresholds, by the model's scores of held-out images at temperature 1.

    The card's own temperature stays where there are too few of them to choose one.
    """
    best = temperature(scores, labels) if len(labels) >= LEAST_IMAGES else card.temperature
    sure, right = given(tempered(scores, best), labels, card.label_names)
    is_given = sure >= 0
    return replace(card, temperature=best, thresholds=thresholds(sure[is_given], right[is_given]))


def given(
    scores: Scores, labels: Labels, label_names: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The confidence of each answer, −1 where it is `NONE` and none is given, and whether it is right."""
    answers = scores.argmax(axis=1)
    is_given = np.array([name != NONE for name in label_names])[answers]
    return np.where(is_given, scores.max(axis=1), np.float32(-1)), answers == labels


def thresholds(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> dict[str, float]:
    """For each error rate, the confidence from which on held-out answers keep to it.

    Rates are left out that too few answers speak for: of 3 / rate answers that rate would show a mistake in
    19 of 20 cases. Answers are counted as if they were independent, which strips cut from one number aren't.
    """
    found = {rate: stats.least_confidence(confidences, right, error_rate=rate) for rate in ERROR_RATES}
    return {
        f"{rate:g}": least
        for rate, least in found.items()
        if np.count_nonzero(confidences >= least) >= _LEAST_ANSWERS / rate
    }


def reliability(
    confidences: NDArray[np.floating], right: NDArray[np.bool_], *, bins: int = stats.CALIBRATION_BINS
) -> tuple[Bin, ...]:
    """Mean confidence and accuracy of every bin of the calibration error that holds images."""
    bin_of = np.searchsorted(np.arange(1, bins) / bins, confidences.astype(np.float64), side="left")
    found = []
    for each in np.unique(bin_of):
        inside = bin_of == each
        found.append(
            Bin(
                n=int(inside.sum()),
                confidence=float(confidences[inside].mean(dtype=np.float64)),
                accuracy=float(right[inside].mean()),
            )
        )
    return tuple(found)


def selection(confidences: NDArray[np.floating], right: NDArray[np.bool_], *, error_rate: float) -> Selection:
    """As many of the most confident answers as keep to an error rate, of those that are given at all."""
    is_given = confidences >= 0
    least = stats.least_confidence(confidences[is_given], right[is_given], error_rate=error_rate)
    return accepted(confidences, right, least_confidence=least, error_rate=error_rate)


def accepted(
    confidences: NDArray[np.floating],
    right: NDArray[np.bool_],
    *,
    least_confidence: float,
    error_rate: float,
) -> Selection:
    """What a threshold that was chosen for an error rate elsewhere does here."""
    inside = confidences >= least_confidence
    n = int(inside.sum())
    return Selection(
        error_rate=error_rate,
        least_confidence=least_confidence,
        coverage=n / len(right),
        error=float(np.count_nonzero(~right[inside]) / n) if n else 0.0,
    )


def risk_coverage(
    confidences: NDArray[np.floating], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coverages and the error rate of as many of the most confident answers: float64, (n,) each.

    Equal confidences are accepted together (El-Yaniv and Wiener, 2010); answers that aren't given, never.
    """
    order = np.argsort(-confidences, kind="stable")
    ranked = confidences[order]
    is_last = np.append(ranked[1:] != ranked[:-1], [True])[: len(ranked)]
    counts = np.arange(1, len(order) + 1)
    wrong = np.cumsum(~right[order])
    is_last &= ranked >= 0
    return counts[is_last] / len(order), wrong[is_last] / counts[is_last]


def prediction_sets(scores: Scores, labels: Labels, *, level: float) -> PredictionSets:
    """Conformal prediction sets: every label whose score is as high as the right ones mostly are.

    Split conformal prediction, 1 − p telling how odd a label is (Vovk et al., 2005; Sadinle et al., 2019,
    arXiv:1609.00451): of n images, the ⌈(n + 1)·level⌉-th smallest oddness of the right label is the largest
    that a set admits. The halves are every other image.
    """
    halves = np.arange(len(labels)) % 2 == 0
    n_covered = n_labels = n_single = 0
    for chosen_on in (halves, ~halves):
        judged = ~chosen_on
        least = conformal_least(scores[chosen_on], labels[chosen_on], level=level)
        inside = scores[judged] >= least
        n_covered += int(inside[np.arange(len(inside)), labels[judged]].sum())
        sizes = inside.sum(axis=1)
        n_labels += int(sizes.sum())
        n_single += int(np.count_nonzero(sizes == 1))
    n = len(labels)
    return PredictionSets(level=level, coverage=n_covered / n, mean_size=n_labels / n, singles=n_single / n)


def conformal_least(scores: Scores, labels: Labels, *, level: float) -> float:
    """The least score of a label in a prediction set; 0, which all have, where too few images were seen."""
    oddness = np.sort(1 - scores[np.arange(len(labels)), labels].astype(np.float64))
    rank = math.ceil((len(labels) + 1) * level)
    return 1 - float(oddness[rank - 1]) if rank <= len(labels) else 0.0
