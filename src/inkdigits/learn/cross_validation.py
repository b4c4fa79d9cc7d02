"""Scores of every image of a set by a network that wasn't shown it: k-fold cross-validation."""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from inkdigits.errors import ArgumentError, UserError
from inkdigits.evaluate import metrics
from inkdigits.evaluate.check import require_images
from inkdigits.learn import train
from inkdigits.learn.classifier import classifier
from inkdigits.learn.options import MOST_SEED, TrainOptions
from inkdigits.learn.train import Watch
from inkdigits.types import Dataset, Labels, Scores, together

Folds = NDArray[np.int64]
"""The fold that each image is in: int64, (n,), from 0."""


def pooled(splits: Sequence[Dataset]) -> Dataset:
    """All images of the splits of one set, one split behind the other; groups where every split has them.

    Test images may be among them where scores serve to find wrong labels; never where they choose a model.
    """
    groups = [split.groups for split in splits if split.groups is not None]
    whole = np.concatenate(groups) if len(groups) == len(splits) else None
    return replace(together(splits), split="all", groups=whole)


def scores(
    dataset: Dataset, options: TrainOptions, *, n_folds: int, n_times: int = 1, watch: Watch | None = None
) -> Scores:
    """Out-of-sample scores, float32, (n, classes): each row from networks that weren't shown its image.

    For each fold a network learns from all others, with `options` and no validation images, and scores that
    one. All of it is done `n_times`, with seeds that count on from that of `options`, and the scores are the
    mean: those of one time depend on what the draw left out (Kohavi, "A Study of Cross-Validation", 1995).
    `watch.after_step` counts the steps of all trainings together. Raises what `folds` and `train.train` do,
    ArgumentError for less than one time, and UserError for scores that are no probabilities.
    """
    if n_times < 1:
        raise ArgumentError(f"{n_times} is no number of times to go through the folds; once is the least")
    if options.seed + n_times - 1 > MOST_SEED:
        raise ArgumentError(f"{n_times} times from seed {options.seed} on go beyond seed {MOST_SEED}")
    watch = watch or Watch()
    recipes = [replace(options, seed=options.seed + time) for time in range(n_times)]
    draws = [folds(dataset, n_folds, seed=recipe.seed) for recipe in recipes]
    parts = [
        (recipe, number == fold)
        for recipe, number in zip(recipes, draws, strict=True)
        for fold in range(n_folds)
    ]
    n_steps = [train.steps(int(np.count_nonzero(~held)), options)[2] for _, held in parts]
    total = np.zeros((len(dataset), len(dataset.label_names)), np.float32)
    for part, (recipe, held) in enumerate(parts):
        after_step = _counted_on(watch.after_step, before=sum(n_steps[:part]), total=sum(n_steps))
        shown = dataset.select(np.flatnonzero(~held), split="shown")
        trained = train.train(shown, None, recipe, watch=replace(watch, after_step=after_step))
        classify = classifier(trained.network, temperature=options.temperature)
        found, _ = metrics.scores(classify, dataset.select(np.flatnonzero(held), split="held out"))
        total[held] += found
    return total / np.float32(n_times)


def folds(dataset: Dataset, n: int, *, seed: int) -> Folds:
    """The fold of each image, drawn by `seed`: of every class about as many in each.

    Whole groups are in one fold where the set has them, such as writers; else equal images are, so that no
    network scores an image whose copy it was shown. Raises ArgumentError for less than two folds, UserError
    for a set that can't be divided so, of one class, or with a class that is in one fold alone: a network
    that wasn't shown any of it would take all of its labels for wrong.
    """
    if n < 2:
        raise ArgumentError(f"{n} is no number of folds; there have to be 2 at least")
    require_images(dataset)
    if len(np.unique(dataset.labels)) < 2:
        only = dataset.label_names[dataset.labels[0]]
        raise UserError(
            f"all images of {dataset.name} are labelled {only!r}; two classes at least are needed"
        )
    if dataset.groups is None:
        found = _by_image(dataset, n, seed)
    else:
        found = _by_group(dataset, dataset.groups, n, seed)
    _require_in_several_folds(dataset, found)
    return found


def _require_in_several_folds(dataset: Dataset, found: Folds) -> None:
    for label in np.unique(dataset.labels):
        if len(np.unique(found[dataset.labels == label])) < 2:
            where = "one image" if dataset.groups is None else "images of one writer or other group"
            raise UserError(
                f"{dataset.name} has the label {dataset.label_names[label]!r} on {where} alone:"
                " add others, or leave it out"
            )


def _by_image(dataset: Dataset, n: int, seed: int) -> Folds:
    digests = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in dataset.images])
    _, first, member = np.unique(digests, return_index=True, return_inverse=True)
    labels = dataset.labels[first]
    _require_enough(dataset, int(np.bincount(labels).max()), n, what="different images of any label")
    return _dealt(StratifiedKFold(n, shuffle=True, random_state=seed), labels, None)[member]


def _by_group(dataset: Dataset, groups: NDArray[np.int64], n: int, seed: int) -> Folds:
    _require_enough(dataset, len(np.unique(groups)), n, what="writers or other groups")
    _require_enough(dataset, int(np.bincount(dataset.labels).max()), n, what="images of any label")
    found = _dealt(StratifiedGroupKFold(n, shuffle=True, random_state=seed), dataset.labels, groups)
    _require_enough(dataset, len(np.unique(found)), n, what="groups of like size")
    return found


def _require_enough(dataset: Dataset, n_found: int, n: int, *, what: str) -> None:
    if n_found < n:
        raise UserError(
            f"{dataset.name} has no more than {n_found} {what}, which can't be divided into {n} folds;"
            " ask for fewer, or add images"
        )


def _dealt(
    splitter: StratifiedKFold | StratifiedGroupKFold, labels: Labels, groups: NDArray[np.int64] | None
) -> Folds:
    found = np.empty(len(labels), np.int64)
    with warnings.catch_warnings(
        action="ignore", category=UserWarning
    ):  # a class has fewer images than folds
        for fold, (_, held_out) in enumerate(splitter.split(labels, labels, groups)):
            found[held_out] = fold
    return found


def _counted_on(
    after_step: Callable[[int, int, float], None], *, before: int, total: int
) -> Callable[[int, int, float], None]:
    return lambda step, _n_steps, loss: after_step(before + step, total, loss)
