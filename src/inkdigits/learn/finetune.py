"""Fine-tuning: a trained model goes on learning from new images, and is judged before it takes over.

It is a configuration of the one training loop: a start, a gentle recipe, old images among the new ones.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inkdigits.card import Card
from inkdigits.data import digest, known, split
from inkdigits.data.samples import Broken
from inkdigits.errors import ArgumentError, UserError
from inkdigits.evaluate import gate
from inkdigits.evaluate.gate import Change, Verdict
from inkdigits.learn import checkpoint, device, directory, heads, history, models, options, recipes
from inkdigits.learn.augment import warn_of_flips
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.classifier import classifier
from inkdigits.learn.networks import stages
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.sets import Past, Source
from inkdigits.learn.start import Start
from inkdigits.learn.train import HISTORY_FILE, Trained, Watch, train
from inkdigits.learn.usable import Screen, Usable
from inkdigits.types import Dataset, Images, Scores

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


@dataclass(frozen=True, kw_only=True)
class Moving:
    """A stage of the network, from the image to the head: how many weights it has, and how they move.

    `rate` is a share of the highest rate, from `first_step` on; both are None where nothing of it moves.
    """

    stage: str
    n_weights: int
    n_frozen: int
    rate: float | None
    first_step: int | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a fine-tuning gave: where it lies, its verdict, and what was left out of the new data."""

    folder: Path
    verdict: Verdict
    moving: tuple[Moving, ...]
    refused: tuple[Broken, ...]
    n_training: int
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Task:
    """All that a fine-tuning starts from."""

    before: Model
    names: tuple[str, ...]
    images: Source
    whole: Dataset
    split_name: str
    training: Dataset
    validation: Dataset | None
    past: Past | None
    options: TrainOptions
    start: Start


def finetune(
    order: Order,
    folder: Path,
    *,
    resume: bool = False,
    screen: Screen = lambda _images: [],
    watch: Watch | None = None,
    about_to: Callable[[tuple[Moving, ...], tuple[Broken, ...]], None] = lambda _moving, _refused: None,
) -> Result:
    """Trains on the new images, judges on the new and the old test set, and says whether to promote.

    The model lies in the directory as `MODEL_FILE` where it is promoted, else as `CANDIDATE_FILE`. `about_to`
    is told what moves and which images were refused before the first step. Raises UserError for what can't
    be used or written, ArgumentError for what contradicts itself, Stopped where `watch.stop` asked for it.
    """
    directory.check(folder, resume=resume)
    load = Usable(screen)
    task = _task(order, load)
    arguments = _arguments(order, task)
    hashes = {"training": digest.sha256(task.whole), "start": _sha256(task.before.network)}
    with directory.opened(folder, arguments, hashes, resume=resume):
        moving = _moving(task)
        about_to(moving, load.refused)
        trained = train(
            task.training,
            task.validation,
            task.options,
            folder=folder,
            resume=resume,
            about=arguments | hashes,
            watch=watch,
            start=task.start,
        )
        directory.save(folder, trained, _card(order, task, trained, hashes), name=directory.CANDIDATE_FILE)
        tests = _tests(task)
        verdict = _verdict(task, trained.network, tests, force=order.force)
        hashes |= {f"{name} test": digest.sha256(test) for name, test in tests.items()}
        found = {
            "training_seconds": trained.seconds,
            "refused": [asdict(each) for each in load.refused],
            "moving": [asdict(each) for each in moving],
            "verdict": asdict(verdict),
        }
        if verdict.promote:
            (folder / directory.CANDIDATE_FILE).replace(folder / directory.MODEL_FILE)
        directory.describe(folder, arguments, hashes, found)
    return Result(
        folder=folder,
        verdict=verdict,
        moving=moving,
        refused=load.refused,
        n_training=len(task.training),
        seconds=trained.seconds,
    )


def draw(result: Result) -> None:
    """The run's pictures: learning curves, and every class before and after."""
    # matplotlib takes a second to import, and the model is saved and judged without it.
    from inkdigits.learn import plot  # noqa: PLC0415

    plot.curves(history.read(result.folder / HISTORY_FILE), result.folder / "curves.png")
    changes = [change for change in (result.verdict.new, result.verdict.old) if change is not None]
    plot.changes(changes, result.folder / "changes.png")


def _task(order: Order, load: Usable) -> _Task:
    before = models.find(order.model, order.weights)
    if before.card.reads_lines:
        raise UserError(f"{order.model} reads lines; single digits fine-tune a model of single digits")
    labels = order.labels if before.card.label_names else "replace"
    images = Source(order.data, load)
    whole, split_name = images.training()
    names = heads.label_names(before.card.label_names, whole.label_names, labels)
    some = split.few(whole, order.shots, seed=order.given.get("seed", 0)) if order.shots else whole
    _require_classes(order.data, some, labels)
    trained_options, start_options = recipes.gentle(len(some), labels=labels, given=order.given)
    trained_options = options.change(trained_options, before.card.network)
    device.choose(trained_options.device)  # refused before anything is made
    warn_of_flips(trained_options.augment, names)
    kept, validation = images.validation(some, trained_options)
    past = _past(order, before, labels)
    replayed = None if past is None else _replayed(order, past, before.card.label_names)
    network = heads.fitted(before, names, seed=trained_options.seed)
    stages.frozen(network, start_options.freeze)  # refused before anything is made
    return _Task(
        before=before,
        names=names,
        images=images,
        whole=whole,
        split_name=split_name,
        training=kept.relabelled(names),
        validation=None if validation is None else validation.relabelled(names),
        past=past,
        options=trained_options,
        start=Start(
            network=network,
            options=start_options,
            replayed=None
            if replayed is None
            else _at_most(replayed.relabelled(names), MOST_REPLAYED, seed=trained_options.seed),
        ),
    )


def _require_classes(source: str, training: Dataset, labels: str) -> None:
    """Raises UserError for data that nothing can be learnt from."""
    there = [training.label_names[label] for label in np.unique(training.labels).tolist()]
    if len(training) == 1:
        raise UserError(f"{source} has a single image to learn from; a few of each class would do")
    if len(there) == 1:
        raise UserError(
            f"{source} has images of one class only, {there[0]!r}: a model that learns from them alone says"
            f" {there[0]} of everything"
        )
    lacking = [name for name in training.label_names if name not in there]
    if lacking and (labels == "replace" or not set(training.label_names) <= set(known.DIGITS)):
        raise UserError(f"{source} has no usable image of the class {lacking[0]!r}: add some, or remove it")


def _past(order: Order, before: Model, labels: str) -> Past | None:
    """What the model has learnt from; None where its labels are replaced."""
    if labels == "replace":
        if order.old is not None:
            raise ArgumentError("--old is for a model that keeps its labels; they are to be replaced")
        return None
    if order.old is not None:
        return Past((order.old,))
    if models.is_shipped(order.model):
        return Past((order.model,))
    about = before.card.provenance
    names = [*about.get("past", []), about.get("data")]
    if not all(isinstance(name, str) for name in names):
        raise ArgumentError(
            f"{order.model} doesn't say what it learnt from, so that it would be forgotten: name the old data"
            " with --old"
        )
    return Past(tuple(names))


def _replayed(order: Order, past: Past, label_names: Sequence[str]) -> Dataset:
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


def _moving(task: _Task) -> tuple[Moving, ...]:
    """What moves in the plan that the loop will follow, stage by stage."""
    network = task.start.network
    n_steps = max(1, task.options.least_steps, round(task.options.epochs * _epoch_steps(task)))
    plan = task.start.plan(network, n_steps)
    frozen = {id(weight) for weight in plan.frozen}
    found = []
    for stage in stages.stages(network):
        own = {id(weight) for weight in stage.weights.values()}
        part = next((part for part in plan.parts if own & {id(weight) for weight in part.weights}), None)
        found.append(
            Moving(
                stage=next(iter(stage.weights)).rpartition(".")[0],
                n_weights=stage.n_weights,
                n_frozen=sum(weight.numel() for weight in stage.weights.values() if id(weight) in frozen),
                rate=None if part is None else part.rate,
                first_step=None if part is None else part.first_step,
            )
        )
    return tuple(found)


def _epoch_steps(task: _Task) -> int:
    return len(task.training) // min(task.options.batch, len(task.training))


def _arguments(order: Order, task: _Task) -> dict[str, Any]:
    asked = {
        "start": order.model,
        "data": order.data,
        "weights": None if order.weights is None else str(order.weights),
        "old": None if task.past is None else list(task.past.names),
        "labels": order.labels,
        "shots": order.shots,
        "force": order.force,
    }
    return asked | options.flat(task.options) | asdict(task.start.options)


def _sha256(network: Network) -> str:
    return hashlib.sha256(checkpoint.pack(network.state_dict(), {})).hexdigest()


def _card(order: Order, task: _Task, trained: Trained, hashes: Mapping[str, str]) -> Card:
    provenance = {
        "data": order.data,
        "sha256": hashes["training"],
        "past": [] if task.past is None else list(task.past.names),
        "start": {
            "model": order.model,
            "sha256": hashes["start"],
            "provenance": dict(task.before.card.provenance),
        },
        "options": options.flat(task.options) | asdict(task.start.options),
        "n_training": len(task.training),
        "n_steps": trained.n_steps,
        "versions": directory.versions(),
    }
    before = task.before.card
    are_same = task.names == before.label_names
    return Card(
        network=asdict(task.options.network),
        label_names=task.names,
        temperature=before.temperature if are_same else 1.0,
        thresholds=before.thresholds if are_same else {},
        provenance=provenance,
    )


def _tests(task: _Task) -> dict[str, Dataset]:
    """The new test set, and the old one where there is one."""
    tests = {"new": task.images.test(task.whole, task.split_name).relabelled(task.names)}
    if task.past is not None:
        tests["old"] = task.past.test(task.before.card.label_names).relabelled(task.names)
    return tests


def _verdict(task: _Task, network: Network, tests: Mapping[str, Dataset], *, force: bool) -> Verdict:
    changes = {name: _change(task, network, test) for name, test in tests.items()}
    return gate.judge(changes["new"], changes.get("old"), force=force)


def _change(task: _Task, network: Network, test: Dataset) -> Change:
    before = _before(task, test.images)
    after = classifier(network)(test.images)
    return gate.change(before, after, test.labels, label_names=task.names, data=test.name)


def _before(task: _Task, images: Images) -> Scores:
    """What the model said before, of the labels of now; of none that it knows, nothing."""
    names = task.before.card.label_names
    if not set(names) & set(task.names):
        return np.full((len(images), len(task.names)), 1 / len(task.names), np.float32)
    temperature = task.before.card.temperature
    scores = classifier(task.before.network, temperature=temperature)(images)
    return gate.projected(scores, names, task.names)
