"""Fine-tuning: a trained model goes on learning from new images, and is judged before it takes over.

It is a configuration of the one training loop: a start, a gentle recipe, old images among the new ones.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from inkdigits.card import Card
from inkdigits.data import digest, known
from inkdigits.data.samples import Broken
from inkdigits.evaluate import calibration, gate
from inkdigits.evaluate.gate import Change, Verdict
from inkdigits.learn import checkpoint, directory, history, options
from inkdigits.learn.classifier import classifier
from inkdigits.learn.finetune_order import Order, Task, prepare
from inkdigits.learn.networks import stages
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.start import interpolated
from inkdigits.learn.train import Stopped, Trained, Watch, steps, train
from inkdigits.learn.usable import Screen
from inkdigits.types import Dataset, Scores

WAYS = (0.75, 0.5, 0.25)
"""Shares of the way from the weights before to those after, tried where all of it forgets too much."""


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
    """What a fine-tuning gave: where it lies, its verdict, and what was left out of the new data.

    `interpolation` is the share of the way from the weights before to those after at which its weights are;
    `has_thresholds` whether its card has thresholds.
    """

    folder: Path
    verdict: Verdict
    interpolation: float
    has_thresholds: bool
    moving: tuple[Moving, ...]
    refused: tuple[Broken, ...]
    n_training: int
    seconds: float


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
    watch = watch or Watch()
    task = prepare(order, screen)
    arguments = _arguments(order, task)
    hashes = _hashes(task)
    moving = _moving(task)
    refused = task.refused
    first = {"moving": [asdict(each) for each in moving], "refused": [asdict(each) for each in refused]}
    with directory.opened(folder, arguments, hashes, resume=resume, found=first):
        about_to(moving, refused)
        trained = _trained(task, folder, arguments | hashes, resume=resume, watch=watch)
        card = _card(order, task, trained, hashes)
        directory.save(folder, trained, card, name=directory.CANDIDATE_FILE)
        if watch.stop():
            raise Stopped(trained.n_steps, trained.n_steps)
        network, interpolation, verdict = _judged(task, trained.network, force=order.force)
        card = replace(card, provenance={**card.provenance, "interpolation": interpolation})
        _promote(folder, checkpoint.Model(network=network, card=card), verdict)
        found = first | {
            "training_seconds": trained.seconds,
            "interpolation": interpolation,
            "verdict": asdict(verdict),
        }
        directory.describe(folder, arguments, hashes, found)
    return Result(
        folder=folder,
        verdict=verdict,
        interpolation=interpolation,
        has_thresholds=bool(card.thresholds),
        moving=moving,
        refused=refused,
        n_training=len(task.training),
        seconds=trained.seconds,
    )


def _trained(task: Task, folder: Path, about: Mapping[str, Any], *, resume: bool, watch: Watch) -> Trained:
    """The one training loop, as the task has it begin and go on."""
    return train(
        task.training,
        task.validation,
        task.options,
        folder=folder,
        resume=resume,
        about=about,
        watch=watch,
        start=task.start,
    )


def _promote(folder: Path, model: checkpoint.Model, verdict: Verdict) -> None:
    """Saves the model with its verdict, in the place that this gives it."""
    told = {"promote": verdict.promote, "reason": verdict.reason, "forced": verdict.forced}
    card = replace(model.card, provenance={**model.card.provenance, "verdict": told})
    checkpoint.save(folder / directory.CANDIDATE_FILE, replace(model, card=card))
    if verdict.promote:
        (folder / directory.CANDIDATE_FILE).replace(folder / directory.MODEL_FILE)


def draw(result: Result) -> None:
    """The run's pictures: learning curves, and every class before and after."""
    # matplotlib takes a second to import, and the model is saved and judged without it.
    from inkdigits.learn import plot  # noqa: PLC0415

    plot.curves(history.read(result.folder / history.FILE), result.folder / "curves.png")
    changes = [change for change in (result.verdict.new, result.verdict.old) if change is not None]
    plot.changes(changes, result.folder / "changes.png")


def _moving(task: Task) -> tuple[Moving, ...]:
    """What moves in the plan that the loop will follow, stage by stage."""
    network = task.start.network
    _, _, n_steps = steps(len(task.training), task.options)
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


def _arguments(order: Order, task: Task) -> dict[str, Any]:
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


def _card(order: Order, task: Task, trained: Trained, hashes: Mapping[str, str]) -> Card:
    provenance = {
        "data": order.data,
        "sha256": hashes["training"],
        "learnt": _learnt(order, task),
        "start": {
            "model": order.model,
            "sha256": hashes["start weights"],
            "provenance": dict(task.before.card.provenance),
        },
        "order": {
            "weights": None if order.weights is None else str(order.weights),
            "old": order.old,
            "labels": order.labels,
            "shots": order.shots,
            "force": order.force,
        },
        "options": options.flat(task.options) | asdict(task.start.options),
        "n_training": len(task.training),
        "n_steps": trained.n_steps,
        "versions": directory.versions(),
    }
    before = task.before.card
    card = Card(network=asdict(task.options.network), label_names=task.names, provenance=provenance)
    if task.names == before.label_names:
        return replace(card, temperature=before.temperature, thresholds=before.thresholds)
    if task.validation is None:
        return card
    scores = classifier(trained.network)(task.validation.images)
    return calibration.calibrated(card, scores, task.validation.labels)


def _learnt(order: Order, task: Task) -> list[str]:
    """The names of all sets that the model has learnt from, paths from the root: others work elsewhere."""
    past = () if task.past is None else task.past.names
    new = order.data if known.find(order.data) else str(Path(order.data).expanduser().resolve())
    return list(dict.fromkeys([*past, new]))


def _hashes(task: Task) -> dict[str, str]:
    """What identifies the images and the network that go in."""
    parts = {
        "training": task.whole,
        "validation": task.validation,
        "old training": task.start.replayed,
        **{f"{name} test": test for name, test in task.tests.items()},
    }
    of_images = {name: digest.sha256(part) for name, part in parts.items() if part is not None}
    return of_images | {"start weights": _sha256(task.before.network)}


def _judged(task: Task, trained: Network, *, force: bool) -> tuple[Network, float, Verdict]:
    """The network that was trained, or one part of the way to it, how far, and the verdict on it.

    Where it gained, but forgot too much, the farthest of `WAYS` counts that the gate lets pass; where none
    does, or nothing is to be kept, all of the way.
    """
    before = _scores(task.before.network, task.tests, temperature=task.before.card.temperature)

    def verdict(network: Network) -> Verdict:
        after = _scores(network, task.tests)
        changes = {name: _change(task, test, before[name], after[name]) for name, test in task.tests.items()}
        return gate.judge(changes["new"], changes.get("old"), force=force)

    whole = verdict(trained)
    if whole.promote or whole.old is None or whole.new.comparison.difference <= 0:
        return trained, 1.0, whole
    for share in WAYS:
        network = interpolated(task.start.network, trained, share)
        found = verdict(network)
        if found.promote:
            return network, share, found
    return trained, 1.0, whole


def _scores(network: Network, tests: Mapping[str, Dataset], *, temperature: float = 1.0) -> dict[str, Scores]:
    classify = classifier(network, temperature=temperature)
    return {name: classify(test.images) for name, test in tests.items()}


def _change(task: Task, test: Dataset, before: Scores, after: Scores) -> Change:
    was = gate.projected(before, task.before.card.label_names, task.names)
    is_now = gate.projected(after, task.names, task.names)
    return gate.change(was, is_now, test.labels, label_names=task.names, data=test.name)
