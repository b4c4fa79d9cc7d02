import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from inkdigits import stats

RANDOM = np.random.default_rng(20)


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 100_000))
    return draw(st.integers(0, n)), n


def paired(both: int, only_first: int, only_second: int, neither: int) -> tuple[NDArray[np.bool_], ...]:
    sizes = (both, only_first, only_second, neither)
    return np.repeat([True, True, False, False], sizes), np.repeat([True, False, True, False], sizes)


@given(shares(), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_is_scipys(share: tuple[int, int], level: float) -> None:
    successes, n = share
    reference = binomtest(successes, n).proportion_ci(confidence_level=level, method="wilson")
    low, high = stats.wilson(successes, n, level=level)
    assert low == pytest.approx(reference.low, abs=1e-12)
    assert high == pytest.approx(reference.high, abs=1e-12)


@given(shares())
def test_wilson_holds_the_share_and_stays_a_share(share: tuple[int, int]) -> None:
    low, high = stats.wilson(*share)
    assert 0 <= low <= share[0] / share[1] <= high <= 1


def test_wilson_is_the_textbooks() -> None:
    # Newcombe (1998), table I, method 3.
    assert stats.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert stats.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert stats.wilson(29, 29) == pytest.approx((0.8830, 1.0), abs=5e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_no_share_has_no_interval(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{successes} of {n} is no share"):
        stats.wilson(successes, n)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_scipys_fair_coin(only_first: int, only_second: int) -> None:
    test = stats.mcnemar(*paired(5, only_first, only_second, 3))
    reference = 1.0
    if only_first + only_second:
        reference = binomtest(only_first, only_first + only_second, 0.5).pvalue
    assert test.p_value == pytest.approx(reference, rel=1e-9)
    assert (test.n, test.only_first, test.only_second) == (
        8 + only_first + only_second,
        only_first,
        only_second,
    )


@pytest.mark.parametrize(("only_first", "only_second"), [(1, 9), (0, 4), (700, 800), (2000, 2300)])
def test_mcnemar_is_the_sum_of_exact_fractions(only_first: int, only_second: int) -> None:
    m, k = only_first + only_second, min(only_first, only_second)
    exact = Fraction(2 * sum(math.comb(m, i) for i in range(k + 1)), 2**m)
    assert stats.mcnemar(*paired(0, only_first, only_second, 0)).p_value == pytest.approx(
        float(exact), rel=1e-9
    )


def test_mcnemar_is_the_hand_computed_case() -> None:
    # 1 against 9: 2·(1 + 10)/2¹⁰.
    assert stats.mcnemar(*paired(80, 1, 9, 10)).p_value == pytest.approx(22 / 1024)


def test_mcnemar_survives_a_million_disagreements() -> None:
    assert stats.mcnemar(*paired(0, 500_000, 500_000, 0)).p_value == 1
    assert stats.mcnemar(*paired(0, 0, 1_000_000, 0)).p_value == 0


def test_mcnemar_doesnt_compare_different_images() -> None:
    with pytest.raises(ValueError, match="2 and 3 images"):
        stats.mcnemar(np.ones(2, bool), np.ones(3, bool))


def slow_calibration_error(confidences: NDArray[np.floating], right: NDArray[np.bool_], bins: int) -> float:
    """The definition of Guo et al., one image after the other."""
    total = 0.0
    for b in range(bins):
        low = -1.0 if b == 0 else b / bins
        inside = [i for i, c in enumerate(confidences.tolist()) if low < c <= (b + 1) / bins]
        if inside:
            accuracy = sum(bool(right[i]) for i in inside) / len(inside)
            confidence = sum(float(confidences[i]) for i in inside) / len(inside)
            total += len(inside) / len(confidences) * abs(accuracy - confidence)
    return total


@example([(float(np.float32(1 / 15)), True)], 15)
@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=60),
    st.sampled_from([1, 10, 15]),
)
def test_calibration_error_is_the_slow_one(rows: list[tuple[float, bool]], bins: int) -> None:
    confidences = np.array([row[0] for row in rows], dtype=np.float32)
    right = np.array([row[1] for row in rows])
    fast = stats.calibration_error(confidences, right, bins=bins)
    assert fast == pytest.approx(slow_calibration_error(confidences, right, bins), abs=1e-9)


def test_calibration_error_is_the_hand_computed_case() -> None:
    # Bin (0.8, 0.8667]: 0.85 and half right; bin (0.9333, 1]: 1.0 and right.
    confidences = np.array([0.85, 0.85, 1.0, 1.0])
    right = np.array([True, False, True, True])
    assert stats.calibration_error(confidences, right) == pytest.approx(0.5 * 0.35)


def test_who_is_as_right_as_confident_is_calibrated() -> None:
    confidences = RANDOM.uniform(0.1, 1, 200_000)
    right = RANDOM.random(200_000) < confidences
    assert stats.calibration_error(confidences, right) < 0.01


@given(st.integers(0, 2**32 - 1), st.integers(1, 50), st.integers(2, 12))
def test_log_likelihood_is_scikit_learns_log_loss(seed: int, n: int, n_classes: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.full(n_classes, 0.2), n).astype(np.float32)
    labels = random.integers(0, n_classes, n)
    reference = log_loss(labels, scores, labels=range(n_classes))
    assert stats.negative_log_likelihood(scores, labels) == pytest.approx(reference, rel=1e-5, abs=1e-6)


def test_one_certain_mistake_is_dear_but_finite() -> None:
    scores = np.array([[1, 0]], dtype=np.float32)
    assert stats.negative_log_likelihood(scores, np.array([1])) == pytest.approx(23 * math.log(2))
    assert stats.negative_log_likelihood(scores, np.array([0])) == 0


def test_summary_is_numpys() -> None:
    values = RANDOM.normal(99, 0.1, 7).tolist()
    found = stats.summary(values)
    assert found.n == 7
    assert found.mean == pytest.approx(np.mean(values))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert (found.minimum, found.maximum) == (min(values), max(values))


def test_one_value_has_no_spread_and_none_no_summary() -> None:
    assert stats.summary([3.0]).sd is None
    with pytest.raises(ValueError, match="no values"):
        stats.summary([])


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.99]), st.booleans()), min_size=1),
    st.sampled_from([0.0, 0.01, 0.1, 0.3, 1.0]),
)
def test_the_least_confidence_accepts_as_many_as_the_error_rate_allows(
    answers: list[tuple[float, bool]], error_rate: float
) -> None:
    confidences = np.array([confidence for confidence, _ in answers])
    right = np.array([is_right for _, is_right in answers])
    found = stats.least_confidence(confidences, right, error_rate=error_rate)
    keeping = [
        each for each in set(confidences.tolist()) if (~right[confidences >= each]).mean() <= error_rate
    ]
    assert found == (min(keeping) if keeping else math.inf)


def overlapping(
    seed: int, n_positive: int, n_negative: int
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Values with ties, the positives' higher by one and a half standard deviations."""
    random = np.random.default_rng(seed)
    is_positive = np.arange(n_positive + n_negative) < n_positive
    return random.normal(1.5 * is_positive, 1).round(1), is_positive


def test_auroc_is_scikit_learns() -> None:
    values, is_positive = overlapping(3, 400, 150)
    assert stats.auroc(values, is_positive) == pytest.approx(roc_auc_score(is_positive, values))


def slow_delong(values: NDArray[np.floating], is_positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Area and variance as the paper has them, pair by pair."""
    positives, negatives = values[is_positive].tolist(), values[~is_positive].tolist()
    wins = np.array([[(x > y) + (x == y) / 2 for y in negatives] for x in positives])
    area = wins.mean()
    of_positives = sum((wins.mean(axis=1) - area) ** 2) / (len(positives) - 1)
    of_negatives = sum((wins.mean(axis=0) - area) ** 2) / (len(negatives) - 1)
    return area, of_positives / len(positives) + of_negatives / len(negatives)


@pytest.mark.parametrize("sizes", [(40, 40), (200, 30), (30, 200), (2, 2)])
def test_the_interval_of_an_area_is_delongs_on_the_scale_of_its_odds(sizes: tuple[int, int]) -> None:
    values, is_positive = overlapping(5, *sizes)
    area, variance = slow_delong(values, is_positive)
    low, high = stats.auroc_interval(values, is_positive)
    for limit, sign in ((low, -1), (high, 1)):
        moved = math.log(limit / (1 - limit)) - math.log(area / (1 - area))
        assert moved == pytest.approx(sign * 1.959964 * math.sqrt(variance) / (area * (1 - area)), rel=1e-6)


@pytest.mark.parametrize("sizes", [(150, 150), (2000, 150)])
def test_the_interval_of_an_area_is_as_wide_as_the_bootstraps(sizes: tuple[int, int]) -> None:
    values, is_positive = overlapping(6, *sizes)
    positives, negatives = values[is_positive], values[~is_positive]
    random = np.random.default_rng(1)
    areas = [
        stats.auroc(
            np.concatenate(
                [random.choice(positives, len(positives)), random.choice(negatives, len(negatives))]
            ),
            is_positive,
        )
        for _ in range(2000)
    ]
    low, high = np.quantile(np.array(areas, float), [0.025, 0.975])
    assert stats.auroc_interval(values, is_positive) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_the_interval_of_an_area_holds_the_true_one_in_nineteen_of_twenty_cases() -> None:
    true = NormalDist().cdf(1.5 / math.sqrt(2))
    limits = [stats.auroc_interval(*continuous(seed)) for seed in range(1000)]
    assert 0.935 <= np.mean([low <= true <= high for low, high in limits]) <= 0.97


def continuous(seed: int) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    is_positive = np.arange(700) < 500
    return np.random.default_rng(seed).normal(1.5 * is_positive, 1), is_positive


@pytest.mark.parametrize(("n_positive", "n_negative"), [(50, 20), (20, 50), (20, 1)])
def test_kinds_wholly_apart_have_the_interval_of_a_share_that_is_all(
    n_positive: int, n_negative: int
) -> None:
    is_positive = np.arange(n_positive + n_negative) < n_positive
    n = min(n_positive, n_negative)
    assert stats.auroc_interval(is_positive * 1.0, is_positive) == stats.wilson(n, n)
    assert stats.auroc_interval(is_positive * -1.0, is_positive) == stats.wilson(0, n)


@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.8, 0.9]), min_size=1, max_size=60),
    st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.8, 0.9]), min_size=1, max_size=60),
    st.sampled_from([0.5, 0.8, 0.95, 1.0]),
)
def test_the_false_positive_rate_is_scikit_learns_at_the_first_point_high_enough(
    positives: list[float], negatives: list[float], wanted: float
) -> None:
    values = np.array(positives + negatives)
    is_positive = np.arange(len(values)) < len(positives)
    false, true, _ = roc_curve(is_positive, values, drop_intermediate=False)
    found = stats.false_positive_rate(values, is_positive, true_positive_rate=wanted)
    assert found == pytest.approx(min(false[true >= wanted - 1e-9]))


def test_without_one_of_both_kinds_there_is_no_area() -> None:
    values, positive = np.ones(3), np.ones(3, bool)
    assert stats.auroc(values, positive) is None
    with pytest.raises(ValueError, match="3 positives and 0 negatives"):
        stats.auroc_interval(values, positive)
    with pytest.raises(ValueError, match="0 positives and 3 negatives"):
        stats.false_positive_rate(values, ~positive, true_positive_rate=0.95)
