"""Against a slow plain version of confident learning, written from the paper."""

import sys

import numpy as np
import pytest

from inkdigits.errors import UserError
from inkdigits.evaluate import label_errors
from inkdigits.types import Labels, Scores

NAMES = ("0", "1", "2", "3", "unused")


def scored(n: int, *, seed: int, n_wrong: int) -> tuple[Scores, Labels, set[int]]:
    """Scores that lean to the right class of four, labels some of which are wrong, and which."""
    random = np.random.default_rng(seed)
    right = random.integers(0, 4, n)
    logits = random.normal(0, 1, (n, 5))
    logits[np.arange(n), right] += 5
    logits[:, 4] = -20
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = right.copy()
    wrong = random.choice(n, n_wrong, replace=False)
    labels[wrong] = (labels[wrong] + random.integers(1, 4, n_wrong)) % 4
    return scores.astype(np.float32), labels.astype(np.int64), set(wrong.tolist())


def plainly(scores: Scores, labels: Labels) -> set[int]:
    """Confident learning, pruned by noise rate: equations 1 and 2 and section 3.2 of the paper, row by row.

    A row counts for the class of which its probability is above the mean of those labelled so, the most
    probable where there are several. The counts are scaled to the labels; for every pair of classes the rows
    of widest margin are taken, as many as the scaled count says, if another class is most probable.
    """
    classes = sorted(set(labels.tolist()))
    threshold = {
        k: float(np.mean([scores[i, k] for i in range(len(labels)) if labels[i] == k])) for k in classes
    }
    counts = {(given, true): 0.0 for given in classes for true in classes}
    for i in range(len(labels)):
        above = [k for k in classes if scores[i, k] >= threshold[k] - 1e-6]
        if above:
            counts[labels[i], max(above, key=lambda k: scores[i, k])] += 1
    found = set()
    for given in classes:
        of_given = [i for i in range(len(labels)) if labels[i] == given]
        total = sum(counts[given, true] for true in classes)
        for true in (k for k in classes if k != given):
            wanted = round(counts[given, true] * len(of_given) / total)
            widest = sorted(of_given, key=lambda i: scores[i, given] - scores[i, true])
            found |= {i for i in widest[:wanted] if scores[i, :4].argmax() != given}
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_suspects_are_those_of_a_slow_plain_version(seed: int) -> None:
    scores, labels, wrong = scored(400, seed=seed, n_wrong=24)
    found = label_errors.find(scores, labels, label_names=NAMES)
    rows = {each.row for each in found if each.likely}
    plain = plainly(scores, labels)
    # Rounding in such a way that rows of the counts keep their sums may take one more or less of a pair.
    assert len(rows ^ plain) <= 2
    assert len(rows & wrong) >= 22
    assert [each.row for each in found] == sorted(
        np.flatnonzero(scores[np.arange(len(labels)), labels] < 0.9),
        key=lambda row: scores[row, labels[row]],
    )
    assert [each.quality for each in found] == sorted(each.quality for each in found)
    for each in found:
        assert each.label == NAMES[labels[each.row]]
        others = scores[each.row, :4].copy()
        others[labels[each.row]] = 0
        assert each.suggested == NAMES[others.argmax()]
        assert each.quality == pytest.approx(scores[each.row, labels[each.row]], abs=1e-5)
        assert each.confidence == pytest.approx(others.max(), abs=1e-5)


def test_labels_that_all_agree_give_no_suspects() -> None:
    scores, labels, _ = scored(200, seed=0, n_wrong=0)
    scores = np.eye(5, dtype=np.float32)[labels] * 0.9 + 0.02
    assert label_errors.find(scores, labels, label_names=NAMES) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s, y: (s * np.nan, y), "not finite numbers for 60 of 60"),
        (lambda s, y: (s * 2, y), "sum to 2"),
        (lambda s, y: (s[:50], y), "60 rows, one an image, were expected"),
        (lambda s, y: (s[:, :4], y), "knows 4 classes, but there are 5 labels"),
        (lambda s, y: (s[:0], y[:0]), "there are no labels"),
        (lambda s, y: (s, y + 4), "the label of image .* is class"),
        (lambda s, y: (s, y * 0 + 2), "all 60 images are labelled '2'; wrong labels can only be told where"),
    ],
)
def test_what_can_not_be_judged_is_a_sentence(change, said: str) -> None:  # type: ignore[no-untyped-def]
    scores, labels, _ = scored(60, seed=0, n_wrong=3)
    with pytest.raises(UserError, match=said):
        label_errors.find(*change(scores, labels), label_names=NAMES)


def test_without_cleanlab_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    scores, labels, _ = scored(60, seed=0, n_wrong=3)
    with pytest.raises(UserError, match=r"needs pip install 'inkdigits\[learn\]'"):
        label_errors.find(scores, labels, label_names=NAMES)
