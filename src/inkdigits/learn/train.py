"""The one training loop.

Order and augmentation are counted by (seed, epoch, sample), so that where a run stops and goes on
leaves no trace: the weights of a resumed run are those of an unbroken one, byte for byte, on the same
machine with as many threads.
"""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inkdigits.errors import UserError
from inkdigits.learn import adversarial, counted, device, history, schedule, state, tasks
from inkdigits.learn.history import Record
from inkdigits.learn.networks import registry
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.start import Start
from inkdigits.learn.state import State
from inkdigits.learn.tasks import Task
from inkdigits.types import Dataset, Lines

STATE_FILE = "state.safetensors"
LEAST_RECORDS = 20
"""Records in the history of a run, steps allowing, however short it is; a long one has one for each epoch."""

_DROPOUT_STREAM = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a run tells and asks while it goes on.

    `after_step` gets (step, n_steps, loss); `after_epoch` the record that ends an epoch or the run.
    Where `stop` answers true the run saves where it stands and raises Stopped. `save_every` is in seconds.
    """

    after_step: Callable[[int, int, float], None] = lambda _step, _n_steps, _loss: None
    after_epoch: Callable[[Record], None] = lambda _record: None
    stop: Callable[[], bool] = lambda: False
    save_every: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a run gives: the network with the weights to keep, and both sets where they were told apart.

    `best` is empty without a validation split. `seconds` are of training, all resumed parts together.
    """

    network: Network
    last: state.Weights
    best: state.Weights
    history: tuple[Record, ...]
    seconds: float
    n_steps: int


class Stopped(Exception):  # noqa: N818 (not an error)
    """The run was asked to stop, and has saved where it stands."""

    def __init__(self, step: int, n_steps: int) -> None:
        super().__init__(f"stopped after step {step} of {n_steps}")


class DivergenceError(UserError):
    """The loss grew beyond all numbers."""


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What doesn't change while a run goes on."""

    options: TrainOptions
    task: Task[Any]
    validation: Task[Any] | None
    where: torch.device
    batch: int
    epoch_steps: int
    epoch_records: int
    part_steps: int
    n_steps: int
    autocast: Callable[[], AbstractContextManager[Any]]
    watch: Watch
    course: schedule.Course
    folder: Path | None
    about: Mapping[str, Any] = field(default_factory=dict)
    start: Start | None = None


def train(  # noqa: PLR0913 (two sets, a recipe, and what most callers leave out)
    training: Dataset | Lines,
    validation: Dataset | Lines | None,
    options: TrainOptions,
    *,
    folder: Path | None = None,
    resume: bool = False,
    about: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
    course: schedule.Course = schedule.factor,
    start: Start | None = None,
) -> Trained:
    """Trains a new network on digit images, or on lines; with `start`, goes on with one on digit images.

    With `folder`, the state and the history are saved there every `watch.save_every` seconds and where the
    run is stopped; `resume` goes on from the state. `about` (JSON-able) says which run it is, so that a
    state of another run is refused. `course` is the learning rate's. Raises UserError for data that can't
    be trained on and for a full disk, DivergenceError where the loss grew beyond all numbers, Stopped where
    `watch.stop` asked for it.
    """
    run = _prepare(training, validation, options, folder, about or {}, watch or Watch(), course, start)
    with torch.random.fork_rng(devices=[]):
        network = _first_network(run)
        plan = None if start is None else start.plan(network, run.n_steps)
        now = state.begin(network, options, plan)
        if resume and folder and (folder / STATE_FILE).exists():
            state.restore(folder / STATE_FILE, now, run.about)
        _go_on(run, now)
        return _finish(run, now)


def _prepare(
    training: Dataset | Lines,
    validation: Dataset | Lines | None,
    options: TrainOptions,
    folder: Path | None,
    about: Mapping[str, Any],
    watch: Watch,
    course: schedule.Course,
    start: Start | None,
) -> _Run:
    if len(training) == 0:
        raise UserError(f"{training.name} has no training images")
    where = device.choose(options.device)
    device.reuse_memory(where)
    batch, epoch_steps, n_steps = steps(len(training), options)
    return _Run(
        options=options,
        task=_task(training, options, where, start),
        validation=tasks.build(validation, replace(options, label_smoothing=0.0), where)
        if validation
        else None,
        where=where,
        batch=batch,
        epoch_steps=epoch_steps,
        epoch_records=min(epoch_steps, math.ceil(LEAST_RECORDS * epoch_steps / n_steps)),
        part_steps=_part_steps(n_steps, epoch_steps, options),
        n_steps=n_steps,
        autocast=device.autocast(options.precision, where),
        watch=watch,
        course=course,
        folder=folder,
        about=about,
        start=start,
    )


def steps(n: int, options: TrainOptions) -> tuple[int, int, int]:
    """Of a training on n images: how many are in a batch, steps of an epoch, steps in all."""
    batch = min(options.batch, n)
    epoch_steps = n // batch
    return batch, epoch_steps, max(1, options.least_steps, round(options.epochs * epoch_steps))


def _part_steps(n_steps: int, epoch_steps: int, options: TrainOptions) -> int:
    """Steps between looks at the validation images: an epoch, or more where a small set is passed often."""
    passes = n_steps // epoch_steps
    return epoch_steps * max(1, int(passes / max(LEAST_RECORDS, options.epochs)))


def _task(
    training: Dataset | Lines, options: TrainOptions, where: torch.device, start: Start | None
) -> Task[Any]:
    if start is None or start.replayed is None or not start.options.replay:
        return tasks.build(training, options, where)
    assert isinstance(training, Dataset)
    return tasks.Replaying(training, start.replayed, start.options.replay, options, where)


def _first_network(run: _Run) -> Network:
    """The one to go on with, copied, or a new one."""
    if run.start is None:
        return _new_network(run)
    return copy.deepcopy(run.start.network).to(run.where)


def _new_network(run: _Run) -> Network:
    n = len(run.task)
    some = run.task.images(torch.arange(0, n, max(1, n // 5000))).float()
    deviation = some.std().item()
    network = registry.build(
        run.options.network,
        len(run.task.label_names),
        seed=counted.key(run.options.seed) >> 1,
        mean=some.mean().item(),
        deviation=deviation if deviation > 0 else 1.0,
    )
    return network.to(run.where)


def _go_on(run: _Run, now: State) -> None:
    """Steps until the last one, or until patience is out."""
    started = time.perf_counter() - now.seconds
    saved = time.perf_counter()
    now.plan.set(now.network, now.step)
    while now.step < run.n_steps and not _out_of_patience(run, now):
        epoch, first = divmod(now.step, run.epoch_steps)
        batches = run.task.order(run.batch, epoch=epoch)
        for i in range(first, min(run.epoch_steps, run.n_steps - epoch * run.epoch_steps)):
            _step(run, now, batches[i], epoch)
            now.seconds = time.perf_counter() - started
            if now.step % run.part_steps == 0 or now.step == run.n_steps:
                _end_epoch(run, now, epoch)
            elif now.step * run.epoch_records % run.epoch_steps < run.epoch_records:
                _record(run, now, epoch)
            if run.watch.stop():
                _save(run, now)
                raise Stopped(now.step, run.n_steps)
            if time.perf_counter() - saved > run.watch.save_every:
                _save(run, now)
                saved = time.perf_counter()
    if now.seconds > run.watch.save_every:  # what comes after the last step may fail, and be tried again
        _save(run, now)


def _step(run: _Run, now: State, rows: Tensor, epoch: int) -> None:
    """One step: the batch changed, scored, and the weights moved."""
    options, network = run.options, now.network
    if now.plan.changes(now.step):
        now.plan.set(network, now.step)
    network.train()
    if any(isinstance(layer, nn.Dropout) for layer in network.modules()):
        torch.manual_seed(counted.key(options.seed, _DROPOUT_STREAM, now.step))
    images = run.task.changed(run.task.images(rows), rows, epoch=epoch)
    targets = run.task.targets(rows)
    with run.autocast():
        if options.adversarial:
            images = adversarial.lessons(network, images, rows, run.task.loss, targets, options, epoch=epoch)
        logits = network(images)
    loss = run.task.loss(logits, targets)
    network.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    factor = run.course(now.step, run.n_steps, options)
    for optimizer in now.optimizers:
        if now.step >= optimizer.first_step:
            optimizer.step(factor)
    now.step += 1
    if options.averaging and now.step > (1 - options.averaging) * run.n_steps:
        state.average(now)
    _count(run, now, loss, run.task.n_right(logits, targets), n=len(rows))


def _count(run: _Run, now: State, loss: Tensor, n_right: int, *, n: int) -> None:
    value = loss.item()
    if not math.isfinite(value):
        vector = f" or the vector rate {run.options.vector_rate:g}" if len(now.optimizers) > 1 else ""
        raise DivergenceError(
            f"the loss is {value} at step {now.step} of {run.n_steps}: the learning rate"
            f" {run.options.learning_rate:g}{vector} is too high for this network and data; try a tenth of it"
        )
    now.loss_sum += value * n
    now.n_right += n_right
    now.n_seen += n
    run.watch.after_step(now.step, run.n_steps, value)


def _end_epoch(run: _Run, now: State, epoch: int) -> None:
    weights = _weights(run, now) if run.validation else {}
    loss, accuracy = _validate(run, now, weights) if run.validation else (None, None)
    if loss is not None and loss < now.best_loss:
        now.best, now.best_loss, now.stale_epochs = weights, loss, 0
    elif loss is not None:
        now.stale_epochs += 1
    _record(run, now, epoch, validation_loss=loss, validation_accuracy=accuracy)
    run.watch.after_epoch(now.history[-1])


def _record(
    run: _Run,
    now: State,
    epoch: int,
    *,
    validation_loss: float | None = None,
    validation_accuracy: float | None = None,
) -> None:
    """Adds what was counted since the last record to the history."""
    factor = run.course(now.step - 1, run.n_steps, run.options)
    record = Record(
        epoch=epoch + 1,
        step=now.step,
        learning_rate=run.options.learning_rate * factor,
        loss=now.loss_sum / now.n_seen,
        train_accuracy=now.n_right / now.n_seen,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        seconds=now.seconds,
    )
    now.history.append(record)
    now.loss_sum, now.n_right, now.n_seen = 0.0, 0, 0


def _weights(run: _Run, now: State) -> state.Weights:
    """A copy of the weights to judge or keep now, their batch norms measured on images as they are.

    The running statistics are of changed images and of weights that have moved since, and those of averaged
    weights of nothing at all (Wu, Johnson, "Rethinking 'Batch' in BatchNorm", 2021). The images are drawn,
    since a data set may lie in the order of its labels.
    """
    weights = now.weights()
    n = run.options.norm_images
    norms = [layer for layer in now.network.modules() if isinstance(layer, nn.BatchNorm2d)]
    moving = [norm for norm in norms if norm not in now.network.still]
    if n == 0 or not moving:
        return weights
    batches = [run.task.images(rows) for rows in run.task.in_order(run.task.some(n))]
    with _holding(now.network, weights), run.autocast():
        _measure(now.network, moving, batches)
        return _copied(now.network)


@torch.no_grad()
def _measure(network: Network, norms: Sequence[nn.BatchNorm2d], batches: Iterable[Tensor]) -> None:
    """Sets what these norms know of images to the mean over the batches.

    `torch.optim.swa_utils.update_bn` does it for all norms of a network, those that are frozen too.
    """
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a mean over all batches, not a moving one
    network.train()
    for images in batches:
        network(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _validate(run: _Run, now: State, weights: state.Weights) -> tuple[float, float]:
    """Loss and accuracy on the validation images, of the given weights; the run's own stay as they are."""
    assert run.validation is not None
    task, loss, n_right = run.validation, 0.0, 0
    with _holding(now.network, weights), torch.inference_mode(), run.autocast():
        now.network.eval()
        for rows in task.in_order(torch.arange(len(task))):
            logits, targets = now.network(task.images(rows)), task.targets(rows)
            loss += task.loss(logits, targets).item() * len(rows)
            n_right += task.n_right(logits, targets)
    return loss / len(task), n_right / len(task)


@contextlib.contextmanager
def _holding(network: Network, weights: state.Weights) -> Iterator[None]:
    """The network with other weights while it is open, and then with its own again."""
    own = _copied(network)
    network.load_state_dict(weights)
    try:
        yield
    finally:
        network.load_state_dict(own)


def _copied(network: Network) -> state.Weights:
    return {name: t.clone() for name, t in network.state_dict().items()}


def _out_of_patience(run: _Run, now: State) -> bool:
    return run.options.patience > 0 and now.stale_epochs >= run.options.patience


def _save(run: _Run, now: State) -> None:
    if run.folder:
        state.save(run.folder / STATE_FILE, now, run.about)
        with contextlib.suppress(UserError):  # a spreadsheet may hold it; the state has it too
            history.write(run.folder / history.FILE, now.history)


def _finish(run: _Run, now: State) -> Trained:
    if run.folder:
        history.write(run.folder / history.FILE, now.history)
    last = _weights(run, now)
    keep = now.best if run.options.keep == "best" and now.best else last
    now.network.load_state_dict(keep)
    return Trained(
        network=now.network.eval(),
        last=last,
        best=now.best,
        history=tuple(now.history),
        seconds=now.seconds,
        n_steps=now.step,
    )
