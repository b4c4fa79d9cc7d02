"""Whether a model that went on learning may take the place of the one that it was: the gate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkdigits import stats
from inkdigits.evaluate.compare import Comparison, compare
from inkdigits.evaluate.table import percent
from inkdigits.types import Labels, Scores

MOST_LOST = 0.002
"""The share of a class of the old test that may be read wrong where it was read right before, net."""

NAMES = ("before", "after")

_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class ClassChange:
    """One class of a test: the share of its `n` images that was read right before and is after.

    The intervals are Wilson's at 95 %.
    """

    label: str
    n: int
    before: float
    before_interval: tuple[float, float]
    after: float
    after_interval: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A model before and after, on one test; `classes` are those that have images."""

    data: str
    comparison: Comparison
    classes: tuple[ClassChange, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether to promote the new model, and why or why not; `old` is None where the labels are all others.

    `forced` says that somebody wants it promoted all the same.
    """

    promote: bool
    reason: str
    new: Change
    old: Change | None
    forced: bool = False


def change(before: Scores, after: Scores, labels: Labels, *, label_names: Sequence[str], data: str) -> Change:
    """What changed on one test, the scores of both being of these labels, or as `projected` gives them."""
    found = compare(before, after, labels=labels, names=NAMES)
    rights = [scores.argmax(axis=1) == labels for scores in (before, after)]
    classes = []
    for number, label in enumerate(label_names):
        rows = labels == number
        n = int(np.count_nonzero(rows))
        if n == 0:
            continue
        was, is_now = (int(np.count_nonzero(right[rows])) for right in rights)
        classes.append(
            ClassChange(
                label=label,
                n=n,
                before=was / n,
                before_interval=stats.wilson(was, n),
                after=is_now / n,
                after_interval=stats.wilson(is_now, n),
            )
        )
    return Change(data=data, comparison=found, classes=tuple(classes))


def judge(new: Change, old: Change | None, *, force: bool = False) -> Verdict:
    """The verdict: the new test has to gain, and no class of the old one to lose more than `MOST_LOST`."""
    fault = _fault(new, old)
    kept = "" if old is None else f", and no class of {old.data} lost more than {100 * MOST_LOST:g} points"
    return Verdict(
        promote=fault is None or force,
        reason=fault or f"{new.data} gained: {_shares(new.comparison)}{kept}",
        new=new,
        old=old,
        forced=force and fault is not None,
    )


def _fault(new: Change, old: Change | None) -> str | None:
    if new.comparison.difference <= 0:
        return f"{new.data} gained nothing: {_shares(new.comparison)}"
    if old is None:
        return None
    for each in old.classes:
        lost = each.before - each.after
        if lost > MOST_LOST + _ROUNDING:
            return (
                f"{each.label} of {old.data} lost {100 * lost:.2f} points:"
                f" {percent(each.after)} are read right, {percent(each.before)} before"
            )
    return None


def _shares(found: Comparison) -> str:
    return f"{percent(found.second_accuracy)} are read right, {percent(found.first_accuracy)} before"


def projected(scores: Scores, known: Sequence[str], wanted: Sequence[str]) -> Scores:
    """Scores over some labels as scores over others, and over anything else: float32 (n, wanted + 1).

    The last column is the highest of a label that isn't wanted: where the model answers one of those, the
    answer is wrong. What others of them have is shared out, so that rows still come to 1.
    """
    found = np.zeros((len(scores), len(wanted) + 1), np.float32)
    for column, label in enumerate(wanted):
        if label in known:
            found[:, column] = scores[:, known.index(label)]
    others = [
        column for column in range(scores.shape[1]) if column >= len(known) or known[column] not in wanted
    ]
    found[:, -1] = scores[:, others].max(axis=1, initial=0)
    found /= found.sum(axis=1, keepdims=True)
    return found
