"""What a classifier must hand over before its figures mean anything."""

from collections.abc import Sequence

import numpy as np

from inkdigits.errors import UserError
from inkdigits.types import Dataset, Labels, Scores

SUM_TOLERANCE = 1e-3
"""How far a row of scores may be from 1: rounding passes, a forgotten softmax doesn't."""


def require_same_labels(model_labels: Sequence[str], dataset: Dataset) -> None:
    """Nothing, or a `UserError` where a model's classes aren't those of the set, in the same order."""
    if tuple(model_labels) != dataset.label_names:
        raise UserError(
            f"the model's labels are {_listed(model_labels)}, but those of {dataset.name!r} are "
            f"{_listed(dataset.label_names)}; evaluate it on a set with its own labels, in the same order"
        )


def require_images(dataset: Dataset) -> None:
    """Nothing, or a `UserError` where the set is empty."""
    if len(dataset) == 0:
        raise UserError(
            f"the {dataset.split} split of {dataset.name!r} holds no images; one at least is needed"
        )


def require_labels(labels: Labels, label_names: Sequence[str]) -> None:
    """Nothing, or a `UserError` where there are no labels or one lies outside `label_names`."""
    if len(labels) == 0:
        raise UserError("there are no labels to evaluate against; one image at least is needed")
    outside = np.flatnonzero((labels < 0) | (labels >= len(label_names)))
    if len(outside):
        row = outside[0]
        raise UserError(
            f"the label of image {row} is class {labels[row]}; one from 0 to {len(label_names) - 1} was "
            f"expected, for the labels {_listed(label_names)}"
        )


def require_scores(scores: Scores, *, n: int, label_names: Sequence[str]) -> None:
    """Nothing, or a `UserError` where the scores aren't one probability per image and label."""
    if scores.ndim != 2 or len(scores) != n:
        raise UserError(
            f"the model's scores have the shape {scores.shape}; {n} rows, one an image, were expected"
        )
    if scores.shape[1] != len(label_names):
        raise UserError(
            f"the model knows {scores.shape[1]} classes, but there are {len(label_names)} labels: "
            f"{_listed(label_names)}; evaluate it on a set with its own labels"
        )
    _require_finite(scores)
    _require_probabilities(scores)


def _require_finite(scores: Scores) -> None:
    broken = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if len(broken):
        raise UserError(
            f"the model's scores are not finite numbers for {len(broken)} of {len(scores)} images, image "
            f"{broken[0]} the first; probabilities were expected: its training may have diverged"
        )


def _require_probabilities(scores: Scores) -> None:
    sums = scores.sum(axis=1, dtype=np.float64)
    lowest = scores.min(axis=1)
    broken = np.flatnonzero((np.abs(sums - 1) > SUM_TOLERANCE) | (lowest < 0))
    if len(broken):
        row = broken[0]
        raise UserError(
            f"the model's scores for image {row} sum to {sums[row]:.4g} and the lowest is {lowest[row]:.4g}; "
            "probabilities that sum to 1 were expected: a softmax may be missing"
        )


def _listed(names: Sequence[str], *, shown: int = 12) -> str:
    """The names for a sentence, the tail of a long list left out."""
    more = f", … ({len(names)} in all)" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
