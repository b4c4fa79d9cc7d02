"""What is no digit, shown to classifiers whose answers are known beforehand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigits import stats
from inkdigits.card import NONE
from inkdigits.errors import UserError
from inkdigits.evaluate import table
from inkdigits.evaluate.unseen import SHOWN, unseen
from inkdigits.types import Dataset, Images, Scores

NAMES = ("4", "7", NONE)
ROWS = ([0.9, 0.06, 0.04], [0.2, 0.7, 0.1], [0.45, 0.05, 0.5], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3])
"""What the classifier says of an image, by the value of its first pixel."""

CONFIDENCES = (0.9, 0.7, 0.45, 0.1, 0.4)


def classify(images: Images) -> Scores:
    return np.array(ROWS, np.float32)[images[:, 0, 0]]


def shown(*answers: int) -> Images:
    images = np.zeros((len(answers), 28, 28), np.uint8)
    images[:, 0, 0] = answers
    return images


def digits(images: Images, labels: NDArray[np.int64]) -> Dataset:
    return Dataset(name="drawn", split="test", images=images, labels=labels, label_names=NAMES)


KNOWN = digits(shown(*[0] * 30, *[1] * 9, 2, 3, 3), np.array([0] * 39 + [1, 2, 2]))
"""Forty digits, and two images that are none."""

KINDS = {"a few": shown(0, 1, 2, 3, 4), "many": shown(*[3] * 90, *[0] * 10)}


def test_figures_are_those_of_the_confidences_of_digits_alone() -> None:
    few, many = unseen(classify, KINDS, known=KNOWN, scores=classify(KNOWN.images), threshold=0.42)
    assert (few.name, few.n, many.name, many.n) == ("a few", 5, "many", 100)
    of_known = np.array([0.9] * 30 + [0.7] * 9 + [0.45], np.float32)
    for kind, answers in ((few, [0, 1, 2, 3, 4]), (many, [3] * 90 + [0] * 10)):
        of_kind = np.array(CONFIDENCES, np.float32)[answers]
        wins = np.mean([(a > b) + (a == b) / 2 for a in of_known for b in of_kind])
        assert kind.auroc == pytest.approx(wins)
        is_known = np.arange(40 + len(of_kind)) < 40
        values = np.concatenate([of_known, of_kind])
        assert kind.auroc_interval == stats.auroc_interval(values, is_known)
    # 95 % of forty digits are 38, which have 0.7 or more: of the few two have, of the many ten.
    assert (few.fpr_at_95_tpr, many.fpr_at_95_tpr) == (0.4, 0.1)


def test_accepted_is_what_reaches_the_threshold_and_is_not_likelier_none() -> None:
    scores = classify(KNOWN.images)
    few, many = unseen(classify, KINDS, known=KNOWN, scores=scores, threshold=0.42)
    assert (few.accepted, many.accepted) == (0.4, 0.1)
    assert [each.is_accepted for each in few.surest] == [True, True, False, False, False]
    few, _ = unseen(classify, KINDS, known=KNOWN, scores=scores, threshold=0.4)
    assert few.accepted == 0.6
    few, _ = unseen(classify, KINDS, known=KNOWN, scores=scores, threshold=None)
    assert few.accepted is None
    assert not any(each.is_accepted for each in few.surest)


def test_the_surest_come_first_with_the_digit_that_they_would_be_read_as() -> None:
    few, many = unseen(classify, KINDS, known=KNOWN, scores=classify(KNOWN.images), threshold=None)
    assert [each.answer for each in few.surest] == ["4", "7", "4", "7", "4"]
    assert [each.confidence for each in few.surest] == pytest.approx([0.9, 0.7, 0.45, 0.4, 0.1])
    assert [each.image[0, 0] for each in few.surest] == [0, 1, 2, 4, 3]
    assert len(many.surest) == SHOWN


def test_a_model_without_none_is_judged_by_its_highest_score() -> None:
    names = ("4", "7", "9")
    known = Dataset(name="d", split="test", images=shown(0, 1), labels=np.array([0, 1]), label_names=names)
    (kind,) = unseen(classify, {"k": shown(2, 3)}, known=known, scores=classify(known.images), threshold=0.75)
    assert [each.answer for each in kind.surest] == ["9", "9"]
    assert kind.auroc == 0.75  # 0.9 is above both, 0.7 above 0.5 alone
    assert kind.accepted == 0.5


def test_progress_counts_kinds_and_bad_scores_are_refused() -> None:
    told: list[tuple[int, int]] = []
    scores = classify(KNOWN.images)
    unseen(classify, KINDS, known=KNOWN, scores=scores, threshold=None, progress=lambda *at: told.append(at))
    assert told == [(1, 2), (2, 2)]
    with pytest.raises(UserError, match="probabilities that sum to 1"):
        unseen(lambda images: 2 * classify(images), KINDS, known=KNOWN, scores=scores, threshold=None)


def test_a_set_of_nothing_but_none_tells_nothing() -> None:
    known = digits(shown(3, 3), np.array([2, 2]))
    with pytest.raises(UserError, match="drawn holds no digits"):
        unseen(classify, KINDS, known=known, scores=classify(known.images), threshold=None)


def test_the_table_has_a_line_for_each_kind() -> None:
    found = unseen(classify, KINDS, known=KNOWN, scores=classify(KNOWN.images), threshold=None)
    lines = table.unseen(found).splitlines()
    few = next(line for line in lines if line.startswith("  a few "))
    low, high = found[0].auroc_interval
    assert few.split() == f"a few 5 {found[0].auroc:.4f} {low:.4f} to {high:.4f} 40.00 % —".split()
