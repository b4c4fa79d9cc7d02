"""Labels that are probably wrong: confident learning, with cleanlab, over scores that are out of sample.

Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (2021, JAIR 70).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkdigits.errors import UserError
from inkdigits.evaluate.check import require_labels, require_scores
from inkdigits.types import Labels, Scores

SURE = 0.9
"""The probability of the label given from which on an image isn't listed."""


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """An image whose label the scores aren't sure of.

    `row` is the image's place in the labels. `quality` is the probability of the label given, `confidence`
    that of the label suggested, the likeliest of the others, each 0 to 1, among the labels that occur.
    `likely` where it is one of as many as confident learning takes for wrong.
    """

    row: int
    label: str
    suggested: str
    quality: float
    confidence: float
    likely: bool


def check() -> None:
    """Raises UserError where cleanlab is missing: before networks are trained for it."""
    try:
        import cleanlab.filter  # noqa: F401, PLC0415
    except ImportError as error:
        raise UserError("looking for wrong labels needs pip install 'inkdigits[learn]'") from error


def find(scores: Scores, labels: Labels, *, label_names: Sequence[str]) -> tuple[Suspect, ...]:
    """The images whose labels may be wrong, the worst label first.

    Every row of `scores` has to come from a model that didn't learn from that image: one that did has learnt
    the wrong label too (see `learn.cross_validation`). All are listed whose label has a probability below
    `SURE`, in the order of that (cleanlab's self-confidence). Confident learning estimates how
    many labels are wrong of every pair of classes, and those of widest margin are `likely`
    (`prune_by_noise_rate`): few among good labels, where the estimate keeps fewer than there are. Raises
    UserError where cleanlab is missing, for scores that are no probabilities, and for labels of one class.
    """
    check()
    from cleanlab.filter import find_label_issues  # noqa: PLC0415 (slow, and not all have it)
    from cleanlab.rank import get_label_quality_scores  # noqa: PLC0415

    require_labels(labels, label_names)
    require_scores(scores, n=len(labels), label_names=label_names)
    occurring, given = np.unique(labels, return_inverse=True)
    if len(occurring) < 2:
        raise UserError(
            f"all {len(labels)} images are labelled {label_names[labels[0]]!r}; wrong labels can only be"
            " told where there are two classes at least"
        )
    known = scores[:, occurring] + np.finfo(np.float64).tiny
    known /= known.sum(axis=1, keepdims=True)
    quality = get_label_quality_scores(given, known)
    others = np.where(np.arange(len(occurring)) == given[:, np.newaxis], -1.0, known)
    suggested = others.argmax(axis=1)
    likely = find_label_issues(given, known, min_examples_per_class=0, n_jobs=1)
    unsure = np.flatnonzero(quality < SURE)
    return tuple(
        Suspect(
            row=int(row),
            label=label_names[labels[row]],
            suggested=label_names[occurring[suggested[row]]],
            quality=float(quality[row]),
            confidence=float(others[row].max()),
            likely=bool(likely[row]),
        )
        for row in unsure[np.argsort(quality[unsure], kind="stable")]
    )
