"""The commands: one function a verb; the only room that puts the others together.

Nothing heavy is imported before a verb runs, so that `--help` is instant. Results go to standard
output, progress to standard error. Exit status: 0 done, 1 the work failed, 2 the arguments were wrong.
"""

import io
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from inkdigits import __version__
from inkdigits.cli import datasets, flags, insight, service, sharing
from inkdigits.cli.flags import Whole
from inkdigits.cli.status import INTERRUPTED
from inkdigits.errors import ArgumentError, UserError, show_warning

app = App(
    name="inkdigits",
    help="A recogniser of handwritten digits that its user owns.",
    version=__version__,
    suppress_keyboard_interrupt=False,  # `main` says it
)
form_app = App(name="form", help="Forms: propose a spec for a blank page.")
app.command(form_app)
VERBS = (
    datasets.data_app,
    insight.explain,
    sharing.card,
    service.serve,
    service.retrain,
    service.models_app,
    service.corrections_app,
)
for each in VERBS:
    app.command(each)


_AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")]
_Training = Annotated[flags.Training, Parameter(name="*")]
_Finetuning = Annotated[flags.Finetuning, Parameter(name="*")]
_NOT_GIVEN, _NOT_GIVEN_EITHER = flags.Training(), flags.Finetuning()


@app.command
def train(
    data: str,
    /,
    *,
    preset: str | None = None,
    out: Path | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    as_json: _AsJson = False,
    options: _Training = _NOT_GIVEN,
) -> int:
    """Train a network from scratch, judge it on the test set, and write a run directory.

    Parameters
    ----------
    data
        A known set (see `inkdigits data list`) or a path to your own.
    preset
        The recipe: sprint, fast (the default), strong or best; every other option overrides it.
    out
        The run directory; by default a new one under runs-out.
    resume
        Go on with the run in --out, with the options that it was begun with.

    """
    from inkdigits.cli import training  # noqa: PLC0415

    given = flags.given(options)
    return training.train(data, preset=preset, given=given, out=out, resume=resume, as_json=as_json)


@app.command
def finetune(  # noqa: PLR0913 (as `read`)
    model: str | None = None,
    data: str | None = None,
    /,
    *,
    out: Path | None = None,
    old: str | None = None,
    labels: Literal["same", "extend", "replace"] = "same",
    shots: Whole = 0,
    weights: Path | None = None,
    from_store: str | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    resume: Annotated[bool, Parameter(negative="")] = False,
    as_json: _AsJson = False,
    options: _Finetuning = _NOT_GIVEN_EITHER,
) -> int:
    """Let a trained model go on learning from your own digits, and say whether it got better.

    Exit status 1 where it did not: where the new test set gained nothing, or a class of the old one lost.

    Parameters
    ----------
    model
        A model file, a run directory, a model that ships (house, reader), or a published network; with DATA
        alone, house.
    data
        A known set (see `inkdigits data list`) or a path to your own.
    out
        The run directory; by default a new one under runs-out.
    old
        What the model learnt before, shown again among the new images; by default what its file says.
    labels
        Which labels the model has afterwards: its own, those and the data's, or the data's alone.
    shots
        Learn from so many images of each class; 0 takes all.
    weights
        The file of a published network's weights, .safetensors or .pth; those of resnet18 and
        efficientnet_lite0 are fetched without it.
    from_store
        Instead of DATA, the accepted corrections of a service: sqlite:///FILE or postgresql://…
    force
        Promote the model whatever the tests say.
    resume
        Go on with the run in --out; everything else as it was begun.

    """
    from inkdigits.cli import finetuning  # noqa: PLC0415
    from inkdigits.learn.finetune_order import Order  # noqa: PLC0415

    given = flags.given(options)
    if from_store is not None:
        from inkdigits.cli import corrected  # noqa: PLC0415

        model, data = model or "house", corrected.data(from_store, given=data, out=out, resume=resume)
    elif model is None:
        raise ArgumentError("name what to learn from: DATA, or --from-store URL")
    model, data = ("house", model) if data is None else (model, data)
    order = Order(
        model=model, data=data, weights=weights, old=old, labels=labels, shots=shots, force=force, given=given
    )
    return finetuning.finetune(order, out=out, resume=resume, as_json=as_json)


@app.command
def evaluate(  # noqa: PLR0913 (a flag each)
    model: Path,
    data: str,
    /,
    *,
    split: str | None = None,
    against: Path | None = None,
    report: Path | None = None,
    robustness: Annotated[bool, Parameter(negative="")] = False,
    unseen: Annotated[bool, Parameter(negative="")] = False,
    attacks: Annotated[bool, Parameter(negative="")] = False,
    as_json: _AsJson = False,
) -> int:
    """Judge a model on a labelled set: accuracy with its interval, every class, calibration, speed.

    Parameters
    ----------
    model
        A model file, a run directory, or a model that ships: house, reader.
    data
        A known set (see `inkdigits data list`) or a path to your own.
    split
        Which part of the set; by default its test split, or where it has none all of it, less what the model
        was shown if the set is the one it learnt from.
    against
        A second model, compared with the first on the same images by McNemar's test.
    report
        An HTML file to write all of it into, with charts, mistakes, and how the model bears other images.
    robustness
        Corrupt the images as MNIST-C does, and draw them as pages have them: what does each change cost?
    unseen
        Show it what is no digit too (clothes, letters, other scripts, noise): can its confidence tell?
    attacks
        Change the images against it by its own gradients (FGSM, PGD): how much of its accuracy is left? It
        takes minutes.

    """
    from inkdigits.cli import judgement, judging  # noqa: PLC0415

    order = judgement.Order(
        model=model,
        source=data,
        split=split,
        against=against,
        report=report,
        robustness=robustness,
        unseen=unseen,
        attacks=attacks,
    )
    return judging.evaluate(order, as_json=as_json)


@app.command
def tune(
    data: str,
    /,
    *,
    preset: str | None = None,
    trials: Whole = 20,
    out: Path | None = None,
    as_json: _AsJson = False,
    options: _Training = _NOT_GIVEN,
) -> int:
    """Search the training options on the validation split: a learning-rate finder, then Optuna.

    Parameters
    ----------
    data
        A known set (see `inkdigits data list`) or a path to your own.
    preset
        Where the search starts from; every other option overrides it.
    trials
        How many trainings there shall be in all; a search that is there already goes on.
    out
        The search's directory; by default runs-out/tune-DATA.

    """
    from inkdigits.cli import tuning  # noqa: PLC0415

    given = flags.given(options)
    return tuning.tune(data, preset=preset, given=given, trials=trials, out=out, as_json=as_json)


@app.command
def export(model: Path, /, *, out: Path, data: str | None = None, as_json: _AsJson = False) -> int:
    """Write a model as an ONNX file, once it has been shown to answer as the network does; or no file.

    Parameters
    ----------
    model
        A model file, a run directory, or a model that ships: house, reader.
    out
        The file to write, ending in .onnx.
    data
        The set whose test images both are tried on; by default the one that the model learnt from.

    """
    from inkdigits.cli import exporting  # noqa: PLC0415

    return exporting.export(model, out, data=data, as_json=as_json)


@app.command
def read(  # noqa: PLR0913 (each is a flag; the length is theirs and that of their --help)
    paths: Annotated[list[Path], Parameter(negative="")],
    /,
    *,
    kind: Annotated[Literal["auto", "digit", "number", "grid", "form"], Parameter(name="--as")] = "auto",
    form: Path | None = None,
    model: Path | None = None,
    max_error: float = 0.005,
    length: Whole | None = None,
    least: Whole | None = None,
    most: Whole | None = None,
    check_digit: Literal["luhn", "mod11"] | None = None,
    pattern: str | None = None,
    allowed: Path | None = None,
    once: Annotated[bool, Parameter(negative="")] = False,
    annotate: Path | None = None,
    workers: Whole = 1,
    as_json: _AsJson = False,
    as_csv: Annotated[bool, Parameter(name="--csv", negative="", help="Print a table as CSV.")] = False,
    out: Path | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Read the digits in pictures and PDFs, with confidence; what can't be read is refused with the reason.

    Parameters
    ----------
    paths
        Pictures (PNG, JPEG, WebP, BMP, TIFF), PDFs, or folders with them (not those inside).
    kind
        What each page shows: lines of digits anywhere, one digit, one number, a grid of cells, or a form.
    form
        The form's spec, a JSON file: see `inkdigits form new`.
    model
        A file that `inkdigits export` wrote; by default the model that ships.
    max_error
        Accept answers of which at most this share is wrong, as far as held-out writers tell.
    length
        Every number has so many digits.
    least
        No number is smaller.
    most
        No number is larger.
    check_digit
        The last digit of every number checks the others, by this rule.
    pattern
        What every number looks like: # is any digit, a digit is itself, as in 19## or 0#-####.
    allowed
        A text file with the only numbers there can be, one a line.
    once
        Each allowed number is on one line at most: choose for all lines together.
    annotate
        Draw every page, with what was read, into this folder.
    workers
        Read with so many processes.
    out
        Write the results into this file, .json or .csv, instead of printing them.
    resume
        Go on where a batch with this --out was stopped.

    """
    from inkdigits.cli import reading  # noqa: PLC0415
    from inkdigits.read.batch import Job  # noqa: PLC0415
    from inkdigits.read.reader import Order  # noqa: PLC0415

    asked = {"length": length, "least": least, "most": most, "check_digit": check_digit, "pattern": pattern}
    checks = reading.checks(asked, allowed)
    threads = 1 if workers > 1 else min(reading.MOST_THREADS, os.cpu_count() or 1)
    order = Order(kind=kind, form=form, model=model, max_error=max_error, checks=checks, threads=threads)
    needed = tuple(path for path in (*paths, form, model, allowed) if path is not None)
    output = reading.Output(as_json=as_json, as_csv=as_csv, file=out, resume=resume, once=once, needed=needed)
    return reading.read(paths, Job(order=order, pictures=annotate), output, workers=workers)


@form_app.command
def new(
    blank: Path, /, *, out: Path | None = None, width: float | None = None, as_json: _AsJson = False
) -> int:
    """Propose a form's spec for a blank page: writes SPEC.json, its picture, and a drawing of it to check.

    Parameters
    ----------
    blank
        The blank page: a PDF or a flat scan.
    out
        Where to write the spec; by default beside the blank page, as .json.
    width
        The page's width in millimetres; by default that of A4, or its height if the page lies.

    """
    from inkdigits.cli import forms  # noqa: PLC0415

    return forms.new(blank, out=out, width=width, as_json=as_json)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and leaves with its exit status; what a user can put right is one sentence."""
    warnings.showwarning = show_warning
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console without blocks or Chinese gets question marks
    try:
        status = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()  # here, where a full disk is still a sentence
    except (CycloptsError, ArgumentError) as error:
        print(f"inkdigits: {error}", file=sys.stderr)
        sys.exit(2)
    except UserError as error:
        print(f"inkdigits: {error}", file=sys.stderr)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "inkdigits":
            raise
        print(
            f"inkdigits: {error.name} is missing, which training and export need:", file=sys.stderr, end=" "
        )
        print("pip install 'inkdigits[learn]'", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # Our reader has had enough, as `head` has; what Python would flush at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"inkdigits: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("inkdigits: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    sys.exit(status)
