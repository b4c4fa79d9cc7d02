"""What a count or a column of probabilities is worth: intervals, tests, calibration, spread."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Labels, Scores

LEVEL = 0.95
"""The confidence level of every interval that is shown."""

CALIBRATION_BINS = 15
"""Bins of the calibration error, as in Guo et al. (2017)."""

SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)
"""What a smaller probability counts as in a log-likelihood: scikit-learn's floor for float32."""


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Two classifiers on the same `n` images: how often one alone was right, and how odd that is."""

    n: int
    only_first: int
    only_second: int
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Repeated measurements; `sd` is the sample's (divided by n − 1), None of a single value."""

    n: int
    mean: float
    sd: float | None
    minimum: float
    maximum: float


def wilson(successes: int, n: int, *, level: float = LEVEL) -> tuple[float, float]:
    """The interval (low, high) in which the share behind `successes` of `n` lies, after Wilson (1927).

    Unlike p ± z·√(p(1−p)/n) it stays inside [0, 1] and keeps its level near 0 and 1, which is where
    digit recognisers live.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} of {n} is no share; 0 ≤ successes ≤ n and n ≥ 1 were expected")
    return _wilson(successes / n, n, level=level)


def _wilson(share: float, n: int, *, level: float) -> tuple[float, float]:
    """Wilson's interval around the mean of n values from 0 to 1, whose variance is p(1−p)/n at most."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return low, high


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> McNemar:
    """McNemar's exact two-sided test of two classifiers, each row telling who was right on one image.

    Images that both or neither got right say nothing about which is better. Were they equally good, of
    the others each would have as many as a fair coin gives: binomial (m, ½).
    """
    if first_right.shape != second_right.shape:
        raise ValueError(f"{len(first_right)} and {len(second_right)} images; the same images were expected")
    only_first = int(np.count_nonzero(first_right & ~second_right))
    only_second = int(np.count_nonzero(second_right & ~first_right))
    return McNemar(
        n=len(first_right),
        only_first=only_first,
        only_second=only_second,
        p_value=_fair_coin_p_value(only_first, only_second),
    )


def _fair_coin_p_value(heads: int, tails: int) -> float:
    """The chance that a fair coin tossed as often is at least as uneven: min(1, 2·P(X ≤ min)).

    P(X ≤ k) is its largest term, C(m, k)/2^m, times the sum of the terms' ratios to it, so that
    neither the binomials nor the power of two have to fit into a float.
    """
    m, k = heads + tails, min(heads, tails)
    largest = math.lgamma(m + 1) - math.lgamma(k + 1) - math.lgamma(m - k + 1) - m * math.log(2)
    below = np.arange(k, 0, -1, dtype=np.float64)
    ratios = np.cumprod(below / (m - below + 1))
    return min(1.0, 2 * math.exp(largest) * (1 + float(ratios.sum())))


def calibration_error(
    confidences: NDArray[np.floating], right: NDArray[np.bool_], *, bins: int = CALIBRATION_BINS
) -> float:
    """The expected calibration error: how far confidence and accuracy lie apart, on average.

    Σ_b (n_b / n)·|accuracy_b − mean confidence_b| over bins (b/B, (b+1)/B] of equal width; a bin
    without images counts nothing (Naeini et al. 2015; Guo et al. 2017, arXiv:1706.04599, eq. 3).
    `confidences`, (n,), are the winning probabilities; `right`, (n,), tells whether they won rightly.
    """
    exact = confidences.astype(np.float64)
    edges = np.arange(1, bins) / bins
    gaps = np.bincount(np.searchsorted(edges, exact, side="left"), weights=right - exact, minlength=bins)
    return float(np.abs(gaps).sum() / len(exact))


def least_confidence(
    confidences: NDArray[np.floating], right: NDArray[np.bool_], *, error_rate: float
) -> float:
    """The confidence from which on answers are wrong at most at that rate, as many of them as can be.

    Infinite, which nothing reaches, where no set of the most confident answers keeps to it. Equal confidences
    are accepted together or not at all.
    """
    order = np.argsort(-confidences, kind="stable")
    ranked = confidences[order]
    share_wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    is_last = np.append(ranked[1:] != ranked[:-1], [True])[: len(ranked)]
    kept = np.flatnonzero((share_wrong <= error_rate) & is_last)
    return float(ranked[kept[-1]]) if len(kept) else math.inf


def negative_log_likelihood(scores: Scores, labels: Labels) -> float:
    """The mean of −ln of the probability given to the right class, in nats.

    A probability below `SMALLEST_PROBABILITY` counts as that, so that one certain mistake costs 15.9
    and not infinity.
    """
    given = scores[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(given, SMALLEST_PROBABILITY)).mean())


def brier_score(scores: Scores, labels: Labels) -> float:
    """The mean over images of Σ_k (p_k − y_k)², y being 1 for the right class: 0 to 2 (Brier, 1950)."""
    given = scores.astype(np.float64)
    squares = (given**2).sum(axis=1)
    of_right = given[np.arange(len(labels)), labels]
    return float((squares - 2 * of_right + 1).mean())


def auroc(values: NDArray[np.floating], is_positive: NDArray[np.bool_]) -> float | None:
    """The chance that a positive has a higher value than a negative, equal ones counting half.

    The area under the ROC curve, by ranks (Hanley and McNeil, 1982); None where either kind is missing.
    """
    n_positive = int(np.count_nonzero(is_positive))
    n_negative = len(is_positive) - n_positive
    if not n_positive or not n_negative:
        return None
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    sum_of_ranks = float(ranks[place][is_positive].sum())
    return (sum_of_ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def auroc_interval(
    values: NDArray[np.floating], is_positive: NDArray[np.bool_], *, level: float = LEVEL
) -> tuple[float, float]:
    """The interval (low, high) in which the area under the ROC curve lies; there have to be both kinds.

    The variance is DeLong's, which supposes nothing of how the values lie (DeLong, DeLong and Clarke-Pearson,
    1988): that of how often each positive is above a negative, and each negative below a positive. The
    interval is even in log(A/(1−A)), so that it stays inside [0, 1] (Qin and Hotilovac, 2008). Where that
    variance is 0, since the kinds are wholly apart or equal, or can't be told, it is the largest there is,
    A(1−A) / the smaller count (Birnbaum and Klose, 1957), and the interval Wilson's.
    """
    positives, negatives = _both(values, is_positive)
    of_positives, of_negatives = _share_below(negatives, positives), 1 - _share_below(positives, negatives)
    area, smaller = float(of_positives.mean()), min(len(positives), len(negatives))
    variance = _variance_of_mean(of_positives) + _variance_of_mean(of_negatives) if smaller > 1 else 0.0
    if variance == 0:
        return _wilson(area, smaller, level=level)
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle, half = math.log(area / (1 - area)), z * math.sqrt(variance) / (area * (1 - area))
    return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))


def _both(
    values: NDArray[np.floating], is_positive: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    positives, negatives = values[is_positive], values[~is_positive]
    if not len(positives) or not len(negatives):
        raise ValueError(
            f"{len(positives)} positives and {len(negatives)} negatives; one at least of each was expected"
        )
    return positives, negatives


def _share_below(values: NDArray[np.floating], limits: NDArray[np.floating]) -> NDArray[np.float64]:
    """The share of the values that is below each limit, equal ones counting half."""
    ranked = np.sort(values)
    below = np.searchsorted(ranked, limits, side="left") + np.searchsorted(ranked, limits, side="right")
    return below / (2 * len(values))


def _variance_of_mean(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1)) / len(values)


def false_positive_rate(
    values: NDArray[np.floating], is_positive: NDArray[np.bool_], *, true_positive_rate: float
) -> float:
    """The share of negatives that are let in where at least so many of the positives are, the highest first.

    Of 0.95 it is a usual figure for how well strangers are told (Hendrycks and Gimpel, 2017,
    arXiv:1610.02136; Liang et al., 2018, arXiv:1706.02690). There have to be both kinds.
    """
    positives, negatives = _both(values, is_positive)
    wanted = max(1, math.ceil(true_positive_rate * len(positives) - 1e-9))  # 0.95 of 20 is 19
    return float(np.mean(negatives >= np.sort(positives)[-wanted]))


def summary(values: Sequence[float]) -> Summary:
    """The mean and spread of measurements that were taken alike."""
    if not values:
        raise ValueError("no values to sum up; one at least was expected")
    return Summary(
        n=len(values),
        mean=fmean(values),
        sd=stdev(values) if len(values) > 1 else None,
        minimum=min(values),
        maximum=max(values),
    )
