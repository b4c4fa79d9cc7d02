"""Calibration against scikit-learn, SciPy, slow plain versions and cases made by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score

from inkdigits import stats
from inkdigits.card import NONE, Card
from inkdigits.evaluate import calibration
from inkdigits.types import Labels, Scores

DIGITS = tuple("0123456789")
SEEDS = st.integers(0, 2**32 - 1)


def answers(seed: int, n: int = 5000, *, sharpness: float = 2.0) -> tuple[NDArray[np.float64], Labels]:
    """Logits `sharpness` times as large as those that the labels were drawn by."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (n, 10))
    drawn = softmax(logits, axis=1).cumsum(axis=1) > random.random((n, 1))
    return logits * sharpness, drawn.argmax(axis=1)


def confidences(scores: Scores, labels: Labels) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    return scores.max(axis=1), scores.argmax(axis=1) == labels


def probabilities(logits: NDArray[np.float64]) -> Scores:
    found: Scores = softmax(logits, axis=1).astype(np.float32)
    return found


@given(SEEDS, st.sampled_from([0.3, 1.0, 4.0]))
def test_tempered_scores_are_those_of_divided_logits(seed: int, temperature: float) -> None:
    logits, _ = answers(seed, 20)
    found = calibration.tempered(probabilities(logits), temperature)
    assert found == pytest.approx(probabilities(logits / temperature), abs=2e-5)
    assert found.dtype == np.float32
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("sharpness", [0.6, 1.0, 2.5])
def test_the_temperature_is_scipys_and_undoes_what_was_done_to_the_logits(sharpness: float) -> None:
    logits, labels = answers(3, sharpness=sharpness)

    def nll(temperature: float) -> float:
        return stats.negative_log_likelihood(probabilities(logits / temperature), labels)

    found = calibration.temperature(probabilities(logits), labels)
    reference = minimize_scalar(nll, bounds=(0.2, 3), method="bounded", options={"xatol": 1e-6})
    assert found == pytest.approx(reference.x, rel=0.004)
    assert found == pytest.approx(sharpness, rel=0.05)


def test_few_images_choose_no_temperature() -> None:
    logits, labels = answers(1, calibration.LEAST_IMAGES)
    scores = probabilities(logits)
    assert calibration.temperature(scores[1:], labels[1:]) == 1
    assert calibration.temperature(scores, labels) > 1.5
    card = Card(network={}, label_names=DIGITS, temperature=0.45)
    assert calibration.calibrated(card, scores[1:], labels[1:]).temperature == 0.45
    assert calibration.calibrated(card, scores, labels).temperature > 1.5


@pytest.mark.parametrize("too_sharp", [0.25, 5.0])
def test_a_temperature_far_from_one_is_found(too_sharp: float) -> None:
    logits, labels = answers(2, 4_000)
    as_it_was = calibration.temperature(probabilities(logits), labels)
    found = calibration.temperature(probabilities(logits * too_sharp), labels)
    assert found == pytest.approx(as_it_was * too_sharp, rel=0.02)


@given(SEEDS, st.integers(1, 60), st.integers(2, 11))
def test_the_brier_score_is_scikit_learns(seed: int, n: int, n_classes: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.full(n_classes, 0.3), n).astype(np.float32)
    labels = random.integers(0, n_classes, n)
    exact = scores.astype(np.float64) / scores.sum(axis=1, keepdims=True, dtype=np.float64)
    reference = brier_score_loss(labels, exact, labels=range(n_classes), scale_by_half=False)
    assert stats.brier_score(scores, labels) == pytest.approx(reference, abs=1e-6)


@given(SEEDS, st.integers(2, 60), st.integers(2, 9))
def test_auroc_is_scikit_learns_with_ties_too(seed: int, n: int, n_values: int) -> None:
    random = np.random.default_rng(seed)
    values = random.integers(0, n_values, n) / n_values
    positive = random.random(n) < 0.5
    positive[:2] = True, False
    assert stats.auroc(values, positive) == pytest.approx(roc_auc_score(positive, values))


def test_auroc_of_one_kind_is_none() -> None:
    assert stats.auroc(np.array([0.1, 0.9]), np.array([True, True])) is None


@given(SEEDS, st.integers(1, 300))
def test_bins_are_scikit_learns_and_give_the_calibration_error(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    sure, right = random.random(n), random.random(n) < 0.8
    bins = calibration.reliability(sure, right)
    accuracy, mean = calibration_curve(right, sure, n_bins=stats.CALIBRATION_BINS)
    assert [each.accuracy for each in bins] == pytest.approx(list(accuracy))
    assert [each.confidence for each in bins] == pytest.approx(list(mean))
    gaps = sum(each.n * abs(each.accuracy - each.confidence) for each in bins) / n
    assert gaps == pytest.approx(stats.calibration_error(sure, right))


@given(SEEDS, st.integers(1, 60), st.integers(1, 8))
def test_risk_and_coverage_are_the_slow_plain_ones(seed: int, n: int, n_values: int) -> None:
    random = np.random.default_rng(seed)
    sure = random.integers(1, n_values + 1, n) / n_values
    right = random.random(n) < 0.7
    coverage, risk = calibration.risk_coverage(sure, right)
    levels = sorted(set(sure.tolist()), reverse=True)
    assert coverage == pytest.approx([np.mean(sure >= level) for level in levels])
    assert risk == pytest.approx([1 - right[sure >= level].mean() for level in levels])


def test_a_selection_takes_as_many_as_keep_to_the_rate() -> None:
    sure = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, False, True, True])
    found = calibration.selection(sure, right, error_rate=0.2)
    assert (found.coverage, found.error, found.least_confidence) == (1.0, 0.2, 0.5)
    found = calibration.selection(sure, right, error_rate=0.1)
    assert (found.coverage, found.error, found.least_confidence) == (0.4, 0.0, 0.8)
    nobody = calibration.selection(sure, ~right, error_rate=0.1)
    assert (nobody.coverage, nobody.error) == (0.0, 0.0)


def test_certain_answers_that_are_often_wrong_are_not_selected() -> None:
    sure = np.ones(5_000, np.float32)
    right = np.arange(5_000) % 100 != 0
    found = calibration.selection(sure, right, error_rate=0.001)
    assert (found.coverage, found.error) == (0.0, 0.0)
    assert calibration.thresholds(sure, right) == {"0.01": 1.0, "0.02": 1.0, "0.05": 1.0}


def test_answers_that_are_none_are_never_selected() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.2, 0.1, 0.7], [0.1, 0.6, 0.3]], np.float32)
    sure, right = calibration.given(scores, np.array([0, 2, 0]), ("0", "1", NONE))
    assert sure.tolist() == pytest.approx([0.9, -1, 0.6])
    assert right.tolist() == [True, True, False]
    found = calibration.selection(sure, right, error_rate=0.5)
    assert found.coverage == pytest.approx(2 / 3)
    assert found.error == 0.5
    coverage, risk = calibration.risk_coverage(sure, right)
    assert coverage == pytest.approx([1 / 3, 2 / 3])
    assert risk == pytest.approx([0, 0.5])


def test_prediction_sets_hold_the_right_label_as_often_as_they_say() -> None:
    logits, labels = answers(5, 20_000)
    for level in (0.9, 0.99):
        found = calibration.prediction_sets(probabilities(logits), labels, level=level)
        spread = math.sqrt(level * (1 - level) / 20_000) * 2  # of the judged half and of the choosing one
        assert found.coverage == pytest.approx(level, abs=4 * spread)
        assert 0 < found.singles < 1
        assert found.mean_size > 1


def test_the_least_score_of_a_prediction_set_is_the_hand_made_one() -> None:
    scores = np.array([[p, 1 - p] for p in (0.9, 0.8, 0.7, 0.6)], np.float32)
    labels = np.zeros(4, np.int64)
    assert calibration.conformal_least(scores, labels, level=0.6) == pytest.approx(0.7)  # ⌈5·0.6⌉ = 3rd
    assert calibration.conformal_least(scores, labels, level=0.8) == pytest.approx(0.6)
    assert calibration.conformal_least(scores, labels, level=0.9) == 0  # the fifth of four


def test_a_card_is_given_a_temperature_and_thresholds_of_digits_alone() -> None:
    logits, labels = answers(9, 20_000)
    names = (*DIGITS[:9], NONE)
    found = calibration.calibrated(Card(network={}, label_names=names), probabilities(logits), labels)
    assert found.temperature == pytest.approx(2, rel=0.05)
    sure, right = confidences(probabilities(logits / found.temperature), labels)
    digits = probabilities(logits).argmax(axis=1) != 9
    assert found.thresholds.keys() == {"0.01", "0.02", "0.05"}
    for rate, least in found.thresholds.items():
        assert np.mean(~right[digits & (sure >= least)]) == pytest.approx(float(rate), rel=0.2)


def test_thresholds_are_given_for_rates_that_enough_answers_speak_for() -> None:
    confidences = np.linspace(1, 0, 1000, endpoint=False)
    right = np.ones(1000, np.bool_)
    right[700:] = np.arange(300) % 2 == 0
    found = calibration.thresholds(confidences, right)
    assert list(found) == ["0.005", "0.01", "0.02", "0.05"]
    for rate, least in found.items():
        accepted = confidences >= least
        assert 1 - right[accepted].mean() <= float(rate)
        assert accepted.sum() >= 700
