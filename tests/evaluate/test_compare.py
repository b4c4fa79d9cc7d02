import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from inkdigits import stats
from inkdigits.errors import UserError
from inkdigits.evaluate.compare import Comparison, compare
from inkdigits.types import Labels, Scores


def certain(predicted: Labels, n_classes: int = 3) -> Scores:
    return np.eye(n_classes, dtype=np.float32)[predicted]


def compared(both: int, only_first: int, only_second: int, neither: int) -> Comparison:
    """Two models on images of class 0, which a model gets wrong by reading 1."""
    sizes = (both, only_first, only_second, neither)
    first, second = np.repeat([0, 0, 1, 1], sizes), np.repeat([0, 1, 0, 1], sizes)
    labels = np.zeros(sum(sizes), np.int64)
    return compare(certain(first), certain(second), labels=labels, names=("fast", "best"))


def test_the_figures_are_those_of_the_pairs() -> None:
    found = compared(90, 2, 7, 1)
    assert (found.n, found.only_first_right, found.only_second_right) == (100, 2, 7)
    assert (found.first_accuracy, found.second_accuracy) == (0.92, 0.97)
    assert found.difference == 0.05
    assert found.first_interval == stats.wilson(92, 100)
    assert found.second_interval == stats.wilson(97, 100)
    assert found.p_value == pytest.approx(binomtest(2, 9).pvalue)
    assert json.loads(json.dumps(asdict(found)))["verdict"] == found.verdict


@given(*[st.integers(0, 40)] * 4)
def test_exchanging_the_models_exchanges_the_figures(
    both: int, only_first: int, only_second: int, neither: int
) -> None:
    if not both + only_first + only_second + neither:
        return
    one = compared(both, only_first, only_second, neither)
    other = compared(both, only_second, only_first, neither)
    assert one.difference == -other.difference
    assert one.p_value == other.p_value
    assert (one.only_first_right, one.first_interval) == (other.only_second_right, other.second_interval)


def test_intervals_may_overlap_where_the_difference_is_beyond_doubt() -> None:
    found = compared(9870, 10, 40, 80)
    assert found.first_interval[1] > found.second_interval[0]
    assert found.p_value < 1e-4


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        (
            (9870, 10, 50, 70),
            "A difference beyond chance: best reads 99.20 % right and fast 98.80 %; of the 60 images that "
            "only one of them reads right, best has 50 (McNemar's exact test, p < 0.0001).",
        ),
        (
            (90, 9, 1, 0),
            "A difference beyond chance: fast reads 99.00 % right and best 91.00 %; of the 10 images that "
            "only one of them reads right, fast has 9 (McNemar's exact test, p = 0.021).",
        ),
        (
            (985, 5, 8, 2),
            "No difference shown: best reads 99.30 % right and fast 99.00 %; of the 13 images that only one "
            "of them reads right, best has 8, as chance could well have it (McNemar's exact test, p = 0.58).",
        ),
        (
            (990, 0, 0, 10),
            "No difference at all: fast and best are right on the same images of the 1,000.",
        ),
    ],
)
def test_the_verdict_is_plain_english(pairs: tuple[int, int, int, int], sentence: str) -> None:
    assert compared(*pairs).verdict == sentence


def test_models_are_compared_on_the_same_images_and_labels() -> None:
    labels = np.zeros(4, np.int64)
    scores = certain(labels)
    with pytest.raises(UserError, match=r"shape \(4, 3\), those of the second model \(3, 3\)"):
        compare(scores, scores[1:], labels=labels)
    with pytest.raises(UserError, match="3 rows"):
        compare(scores, scores, labels=labels[1:])
    with pytest.raises(UserError, match="a softmax may be missing"):
        compare(scores, scores * 5, labels=labels)
    with pytest.raises(UserError, match="class 3"):
        compare(scores, scores, labels=labels + 3)
    with pytest.raises(UserError, match=r"shape \(4,\)"):
        compare(scores[:, 0], scores[:, 0], labels=labels)
