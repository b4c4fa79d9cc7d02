"""From the order of a fine-tuning to all that it starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inkdigits import weights
from inkdigits.data import known, split
from inkdigits.data.samples import Broken
from inkdigits.errors import ArgumentError, UserError
from inkdigits.learn import device, heads, models, options, recipes
from inkdigits.learn.augment import warn_of_flips
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.networks import stages
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.sets import Load, Past, Source
from inkdigits.learn.start import Start
from inkdigits.learn.usable import Screen, Usable
from inkdigits.types import Dataset

MOST_REPLAYED = 20_000
"""Old images that are kept to be shown again: enough that none is shown often."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be fine-tuned on what.

    `model` and `weights` as `models.find` takes them; `data` a known set or a path; `old` what the model has
    learnt before, by default what its card says. `labels` is one of `heads.LABELS`; `shots` so many images of
    each class, 0 for all. `given` are training and start options that the recipe leaves to them. `force`
    promotes the model whatever the gate says.
    """

    model: str
    data: str
    weights: Path | None = None
    old: str | None = None
    labels: str = "same"
    shots: int = 0
    force: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.labels not in heads.LABELS:
            raise ArgumentError(f"unknown labels {self.labels!r}; one of: {', '.join(heads.LABELS)}")
        if self.shots < 0:
            raise ArgumentError(f"shots is {self.shots}, but has to be 0 (all) or more")


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """All that a fine-tuning starts from, and what it is judged by.

    `tests` are the new one and the old one, where there is one, without any image that was learnt from;
    `refused` is what can't be used of any of them.
    """

    before: Model
    names: tuple[str, ...]
    whole: Dataset
    training: Dataset
    validation: Dataset | None
    past: Past | None
    options: TrainOptions
    start: Start
    tests: Mapping[str, Dataset]
    refused: tuple[Broken, ...]


def prepare(order: Order, screen: Screen) -> Task:
    """All that the order's fine-tuning needs, so that nothing is found missing after it.

    `screen` finds digits of several among those that show one. Raises UserError for what can't be used,
    ArgumentError for what contradicts itself.
    """
    before = models.find(order.model, order.weights)
    if before.card.reads_lines:
        raise UserError(f"{order.model} reads lines; single digits fine-tune a model of single digits")
    labels = order.labels if before.card.label_names else "replace"
    load = Usable() if labels == "replace" else Usable(screen)
    load_past = Usable(screen)
    images = Source(order.data, load)
    whole, split_name = images.training()
    wanted = _shown(whole) if labels == "replace" else whole.label_names
    names = heads.label_names(before.card.label_names, wanted, labels)
    some = split.few(whole, order.shots, seed=order.given.get("seed", 0)) if order.shots else whole
    _require_classes(order.data, some, wanted, labels)
    trained_options, start_options = recipes.gentle(len(some), labels=labels, given=order.given)
    trained_options = options.change(trained_options, before.card.network)
    device.choose(trained_options.device)  # refused before anything is made
    warn_of_flips(trained_options.augment, names)
    kept, validation = images.validation(some, trained_options)
    past = _past(order, before, labels, load_past)
    learnt = None if past is None else _learnt(order, past, before.card.label_names).relabelled(names)
    network = heads.fitted(before, names, seed=trained_options.seed)
    stages.frozen(network, start_options.freeze)  # refused before anything is made
    training = kept.relabelled(names)
    chosen_by = None if validation is None else validation.relabelled(names)
    tests = {"new": images.test(whole, split_name).relabelled(names)}
    if past is not None:
        tests["old"] = past.test(before.card.label_names).relabelled(names)
    return Task(
        before=before,
        names=names,
        whole=whole,
        training=training,
        validation=chosen_by,
        past=past,
        options=trained_options,
        start=Start(
            network=network,
            options=start_options,
            replayed=None if learnt is None else _at_most(learnt, MOST_REPLAYED, seed=trained_options.seed),
        ),
        tests={name: _without(test, training, chosen_by, learnt) for name, test in tests.items()},
        refused=tuple(dict.fromkeys([*load.refused, *load_past.refused])),
    )


def _shown(dataset: Dataset) -> tuple[str, ...]:
    """The labels that have images; all, where some are no digits, since those were meant to have some."""
    there = set(np.unique(dataset.labels).tolist())
    if not set(dataset.label_names) <= set(known.DIGITS):
        return dataset.label_names
    return tuple(name for label, name in enumerate(dataset.label_names) if label in there)


def _require_classes(source: str, training: Dataset, wanted: Sequence[str], labels: str) -> None:
    """Raises UserError for data that nothing can be learnt from."""
    there = [training.label_names[label] for label in np.unique(training.labels).tolist()]
    if len(training) == 1:
        raise UserError(f"{source} has a single image to learn from; a few of each class would do")
    if len(there) == 1:
        raise UserError(
            f"{source} has images of one class only, {there[0]!r}: a model that learns from them alone says"
            f" {there[0]} of everything"
        )
    lacking = [name for name in wanted if name not in there]
    if lacking and (labels == "replace" or not set(wanted) <= set(known.DIGITS)):
        raise UserError(f"{source} has no usable image of the class {lacking[0]!r}: add some, or remove it")


def _past(order: Order, before: Model, labels: str, load: Load) -> Past | None:
    """What the model has learnt from; None where its labels are replaced."""
    if labels == "replace":
        if order.old is not None:
            raise ArgumentError("--old is for a model that keeps its labels; they are to be replaced")
        return None
    if order.old is not None:
        return Past((order.old,), load)
    if weights.is_shipped(order.model):
        return Past((order.model,), load)
    about = before.card.provenance
    names = about.get("learnt", [about.get("data")])
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ArgumentError(
            f"{order.model} doesn't say what it learnt from, so that it would be forgotten: name the old data"
            " with --old"
        )
    return Past(tuple(names), load)


def _learnt(order: Order, past: Past, label_names: Sequence[str]) -> Dataset:
    try:
        return past.training(label_names)
    except UserError as error:
        if order.old is not None:
            raise
        raise UserError(
            f"{order.model} learnt from {' and '.join(past.names)}, which isn't at hand ({error}): name other"
            " old data with --old"
        ) from error


def _at_most(dataset: Dataset, n: int, *, seed: int) -> Dataset:
    return split.hold_out(dataset, n / len(dataset), seed=seed)[1] if len(dataset) > n else dataset


def _without(test: Dataset, *others: Dataset | None) -> Dataset:
    """The test without images that are in other sets. Raises UserError where nothing is left."""
    learnt = {image.tobytes() for other in others if other is not None for image in other.images}
    rows = [row for row, image in enumerate(test.images) if image.tobytes() not in learnt]
    if not rows:
        raise UserError(
            f"all test images of {test.name} are among those that were learnt from: judge by others"
        )
    return test.select(np.array(rows, np.int64), split=test.split)
