"""How well a model's confidence tells the digits that it knows from what is no digit at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from inkdigits import stats
from inkdigits.card import NONE
from inkdigits.errors import UserError
from inkdigits.evaluate.check import require_scores
from inkdigits.evaluate.metrics import Progress
from inkdigits.types import Classifier, Dataset, Gray, Images, Scores

SHOWN = 8
"""Images kept of each kind: those that are most surely taken for digits."""

TRUE_POSITIVE_RATE = 0.95
"""The share of known digits that is let in where the false positive rate is told."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stranger:
    """An image that is no digit: what it would be read as, how surely, and whether that is accepted."""

    image: Gray
    answer: str
    confidence: float
    is_accepted: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """`n` images of one kind of what is no digit, against the known digits.

    `auroc` is the chance that a known digit has a higher confidence than one of these, with its interval at
    95 % (`stats.auroc_interval`); 0.5 is guessing. `fpr_at_95_tpr` is the share of these that is let in where
    95 % of the known digits are. `accepted` is the share whose answer the model's own threshold lets pass,
    None where it has none. `surest` are the `SHOWN` that are most surely taken for digits.
    """

    name: str
    n: int
    auroc: float
    auroc_interval: tuple[float, float]
    fpr_at_95_tpr: float
    accepted: float | None
    surest: tuple[Stranger, ...]


def unseen(
    classifier: Classifier,
    kinds: Mapping[str, Images],
    *,
    known: Dataset,
    scores: Scores,
    threshold: float | None,
    progress: Progress = lambda _done, _total: None,
) -> tuple[Kind, ...]:
    """Of every kind, how well the classifier's confidence tells it from the known digits.

    `scores` are the classifier's of `known`, whose label names are its own; all digits there count, read
    right or wrong, but not what is labelled as no digit. Every kind needs an image. The confidence is the
    highest probability of a label that isn't `card.NONE`: it is what reading holds against the threshold, and
    what a model gives to "none" is taken from it (of models without, the baseline of Hendrycks and Gimpel,
    2017, arXiv:1610.02136). From `threshold` on an answer is accepted, unless "none" is likelier. Raises
    UserError where `known` holds no digit.
    """
    is_digit = np.array([name != NONE for name in known.label_names])
    of_known = scores[is_digit[known.labels]][:, is_digit].max(axis=1)
    if not len(of_known):
        raise UserError(f"{known.name} holds no digits that strangers could be told from")
    found: list[Kind] = []
    for name, images in kinds.items():
        given = classifier(images)
        require_scores(given, n=len(images), label_names=known.label_names)
        strangers = _read(images, given, known.label_names, threshold=threshold)
        found.append(_kind(name, strangers, of_known, has_threshold=threshold is not None))
        progress(len(found), len(kinds))
    return tuple(found)


def _read(
    images: Images, scores: Scores, names: tuple[str, ...], *, threshold: float | None
) -> list[Stranger]:
    """Each image with its answer, as reading has it: see `unseen`."""
    digits = [at for at, name in enumerate(names) if name != NONE]
    answers = scores[:, digits].argmax(axis=1)
    confidences = scores[:, digits].max(axis=1)
    accepted = confidences == scores.max(axis=1)
    accepted &= confidences >= (np.inf if threshold is None else threshold)
    return [
        Stranger(image=image, answer=names[digits[answer]], confidence=confidence, is_accepted=is_accepted)
        for image, answer, confidence, is_accepted in zip(
            images, answers.tolist(), confidences.tolist(), accepted.tolist(), strict=True
        )
    ]


def _kind(
    name: str, strangers: Sequence[Stranger], of_known: NDArray[np.float32], *, has_threshold: bool
) -> Kind:
    of_strangers = np.array([each.confidence for each in strangers], np.float32)
    values = np.concatenate([of_known, of_strangers])
    is_known = np.arange(len(values)) < len(of_known)
    n_accepted = sum(each.is_accepted for each in strangers)
    return Kind(
        name=name,
        n=len(strangers),
        auroc=cast(float, stats.auroc(values, is_known)),  # there are both
        auroc_interval=stats.auroc_interval(values, is_known),
        fpr_at_95_tpr=stats.false_positive_rate(values, is_known, true_positive_rate=TRUE_POSITIVE_RATE),
        accepted=n_accepted / len(strangers) if has_threshold else None,
        surest=tuple(sorted(strangers, key=lambda each: -each.confidence)[:SHOWN]),
    )
