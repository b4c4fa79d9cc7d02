"""The gate: a model takes the other's place where it gains on the new and loses nothing of the old."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from inkdigits import stats
from inkdigits.evaluate import gate
from inkdigits.evaluate.gate import Change
from inkdigits.types import Labels, Scores

LABELS = ("0", "1", "2")


def scores(predicted: list[int], n_classes: int = 3) -> Scores:
    return np.eye(n_classes, dtype=np.float32)[predicted]


def changed(labels: Labels, n_wrong_before: int, n_wrong_after: int, *, data: str = "set") -> Change:
    """The first so many images of class 1 are read as 2."""
    ones = np.flatnonzero(labels == 1)
    predicted = [labels.copy(), labels.copy()]
    for found, n in zip(predicted, (n_wrong_before, n_wrong_after), strict=True):
        found[ones[:n]] = 2
    before, after = (scores(found.tolist()) for found in predicted)
    return gate.change(before, after, labels, label_names=LABELS, data=data)


LARGE = np.repeat(np.arange(3), 1000)


def test_every_class_is_counted_before_and_after() -> None:
    found = changed(np.array([0, 0, 1, 1, 1, 1]), 3, 1)
    assert [(each.label, each.n, each.before, each.after) for each in found.classes] == [
        ("0", 2, 1.0, 1.0),
        ("1", 4, 0.25, 0.75),
    ]
    assert found.classes[1].before_interval == stats.wilson(1, 4)
    assert found.classes[1].after_interval == stats.wilson(3, 4)
    assert found.comparison.difference == pytest.approx(2 / 6)
    assert found.comparison.only_second_right == 2


@pytest.mark.parametrize(("lost", "promote"), [(0, True), (2, True), (3, False)])
def test_a_class_of_the_old_test_may_lose_two_in_a_thousand(lost: int, *, promote: bool) -> None:
    verdict = gate.judge(changed(LARGE, 50, 10, data="usps"), changed(LARGE, 5, 5 + lost, data="mnist"))
    assert verdict.promote == promote
    if promote:
        assert verdict.reason == (
            "usps gained: 99.67 % are read right, 98.33 % before,"
            " and no class of mnist lost more than 0.2 points"
        )
    else:
        assert verdict.reason == "1 of mnist lost 0.30 points: 99.20 % are read right, 99.50 % before"


@pytest.mark.parametrize("after", [10, 11])
def test_the_new_test_has_to_gain(after: int) -> None:
    verdict = gate.judge(changed(LARGE, 10, after, data="usps"), changed(LARGE, 5, 0))
    assert (verdict.promote, verdict.forced) == (False, False)
    assert verdict.reason.startswith("usps gained nothing: 99.6")


def test_force_overrides_and_is_told() -> None:
    worse, better = changed(LARGE, 1, 2), changed(LARGE, 2, 1)
    forced = gate.judge(worse, None, force=True)
    assert (forced.promote, forced.forced) == (True, True)
    assert "gained nothing" in forced.reason
    assert not gate.judge(better, None, force=True).forced
    assert json.loads(json.dumps(asdict(forced)))["new"]["comparison"]["n"] == 3000


def test_scores_are_brought_to_other_labels() -> None:
    given = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]], np.float32)
    found = gate.projected(given, ("0", "1", "none"), ("1", "x", "0"))
    np.testing.assert_allclose(found, np.array([[0.3, 0, 0.5, 0.2], [0, 0, 1, 0]]), atol=1e-6)
    np.testing.assert_allclose(gate.projected(given, ("0", "1", "none"), ("x", "y"))[:, 2], 1)


def test_many_labels_that_are_not_wanted_outvote_no_answer() -> None:
    given = np.array([[0.45, 0.3, 0.25], [0.3, 0.45, 0.25]], np.float32)
    found = gate.projected(given, ("1", "7", "9"), ("1", "2"))
    assert found.argmax(axis=1).tolist() == [0, 2]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_a_model_that_knows_none_of_the_labels_reads_nothing_right() -> None:
    knew_nothing = gate.projected(np.ones((6, 1), np.float32), ("z",), ("a", "b"))
    learnt = gate.projected(np.tile([1.0, 0.0], (6, 1)).astype(np.float32), ("a", "b"), ("a", "b"))
    labels = np.array([0, 0, 0, 0, 1, 1])
    found = gate.change(knew_nothing, learnt, labels, label_names=("a", "b"), data="signs")
    assert found.comparison.first_accuracy == 0
    assert found.comparison.second_accuracy == pytest.approx(4 / 6)
    assert [(each.label, each.before) for each in found.classes] == [("a", 0.0), ("b", 0.0)]
