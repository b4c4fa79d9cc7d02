"""`inkdigits train`: from the command line to a run directory, with progress."""

import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from inkdigits.cli.output import command, print_json
from inkdigits.cli.status import INTERRUPTED
from inkdigits.errors import ArgumentError, UserError
from inkdigits.evaluate import table
from inkdigits.learn import directory, run
from inkdigits.learn import options as learning
from inkdigits.learn.history import Record
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.train import Stopped, Watch

Made = TypeVar("Made")

RUNS = Path("runs-out")
"""Where run directories go that nobody named."""


def train(
    data: str,
    *,
    preset: str | None,
    given: Mapping[str, Any],
    out: Path | None,
    resume: bool,
    as_json: bool,
) -> int:
    """Trains, judges, prints, draws; the exit status."""
    if resume:
        options = _begun(data, preset=preset, given=given, out=out)
    else:
        options = learning.recipe(preset or "fast", given)
    folder = out or new_folder(f"{Path(data).resolve().name}-{options.network.model}")
    result = watched(
        lambda watch: run.run(data, options, folder, resume=resume, watch=watch),
        again=["train", data, "--out", str(folder), "--resume"],
        made=folder if out is None else None,
    )
    if result is None:
        return INTERRUPTED
    run.draw(result)
    if as_json:
        print_json(asdict(result.evaluation))
    else:
        print(_summary(result))
    return 0


def watched(work: Callable[[Watch], Made], *, again: Sequence[str], made: Path | None) -> Made | None:
    """What the work gives, under a bar; None where it was stopped: then `again`, which goes on, is told.

    The folder that was `made` for it goes again where it comes to nothing.
    """
    with Stopping() as stopping, Bar() as bar:
        try:
            return work(Watch(after_step=bar.step, after_epoch=bar.epoch, stop=stopping.asked))
        except Stopped as stopped:
            bar.close()
            print(f"{stopped}; go on with: {command(again)}", file=sys.stderr)
            return None
        except UserError:
            if made is not None:
                _remove_if_empty(made)
            raise


def _begun(data: str, *, preset: str | None, given: Mapping[str, Any], out: Path | None) -> TrainOptions:
    """The options of the run to resume. Raises ArgumentError where the command line contradicts them."""
    if out is None:
        raise ArgumentError("--resume needs the run directory to go on with: name it with --out")
    arguments = directory.arguments_of(out)
    asked = dict(given) if preset is None else learning.flat(learning.recipe(preset, given))
    for name, value in ({"data": data} | asked).items():
        if arguments.get(name) != value:
            raise ArgumentError(
                f"{out} was begun with {name} {arguments.get(name)!r}, not {value!r};"
                " resume it as it was, or begin another with --out"
            )
    try:
        return learning.change(TrainOptions(), {k: v for k, v in arguments.items() if k != "data"})
    except TypeError as error:
        raise UserError(f"{out} holds no run to resume: its arguments are damaged ({error})") from error


def new_folder(name: str) -> Path:
    """A folder under RUNS that this call has made, so that two runs begun together don't share one."""
    for number in itertools.count(1):
        folder = RUNS / f"{name}-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(f"cannot make {folder}: {error.strerror}; name another with --out") from error
        return folder
    raise AssertionError("numbers don't end")


def _remove_if_empty(folder: Path) -> None:
    """A folder of `new_folder` that nothing came of."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _summary(result: run.Result) -> str:
    """What a person wants to read first: the figures, the first ten predictions, where things lie."""
    names, scores = result.test.label_names, result.scores[:10]
    lines = ["image  label  predicted  probability"]
    for i, row in enumerate(scores):
        label, predicted = names[result.test.labels[i]], names[int(row.argmax())]
        wrong = "" if label == predicted else "  wrong"
        lines.append(f"{i:>5}  {label:>5}  {predicted:>9}  {table.percent(float(row.max())):>11}{wrong}")
    about = f"Trained in {result.seconds:.1f} s. The run is in {result.folder}"
    return "\n".join([table.text(result.evaluation), "The first ten test images:", *lines, "", about])


class Stopping:
    """While it is open, Ctrl-C and SIGTERM ask for a clean stop; a second one leaves at once."""

    def __init__(self) -> None:
        self._asked = False
        self._before: dict[int, Any] = {}

    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        os.write(sys.stderr.fileno(), b"\nstopping after the next step; once more leaves at once\n")


class Bar:
    """A progress bar on standard error, with a line for each epoch where there are several."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("step {task.completed}/{task.total}"),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), refresh_per_second=4)
        self._task = self._progress.add_task("training", total=None, visible=False, loss="")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the bar, so that other text can follow; without a step there was none to end."""
        if self._progress.live.is_started:
            self._progress.stop()

    def step(self, step: int, n_steps: int, loss: float) -> None:
        """One training step more; the first one shows the bar."""
        self._progress.start()
        self._progress.update(
            self._task, completed=step, total=n_steps, visible=True, loss=f"loss {loss:.3f}"
        )

    def epoch(self, epoch: Record) -> None:
        """One epoch more: a line with what was measured on validation images, if there are any."""
        if epoch.validation_accuracy is None:
            return
        found = table.percent(epoch.validation_accuracy)
        self._progress.console.print(
            f"epoch {epoch.epoch}: validation loss {epoch.validation_loss:.4f}, {found} right"
        )
