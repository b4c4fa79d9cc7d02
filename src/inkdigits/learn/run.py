"""A training run and its directory: what was asked for, what came out, and where it lies.

A run directory holds `run.json` (arguments, versions, data hashes, commit, figures), `history.csv`,
`model.safetensors`, its pictures, and until the run is through `state.safetensors`, from which
`resume` goes on.
"""

import contextlib
import json
import platform
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inkdigits import __version__, data, files, lock
from inkdigits.card import Card
from inkdigits.data import digest, split
from inkdigits.errors import UserError
from inkdigits.evaluate.metrics import Evaluation, score
from inkdigits.learn import checkpoint, device, history
from inkdigits.learn.augment import warn_of_flips
from inkdigits.learn.classifier import classifier
from inkdigits.learn.options import TrainOptions, flat
from inkdigits.learn.state import check_same_run
from inkdigits.learn.train import HISTORY_FILE, STATE_FILE, Trained, Watch, train
from inkdigits.types import Dataset, Scores

MODEL_FILE = "model.safetensors"
RUN_FILE = "run.json"
LOCK_FILE = ".lock"
TEST_SHARE = 1 / 6
"""Share of the images kept for the test where a set has no test split of its own."""

_TEST_SEED = 0
"""Decides which: never the run's own seed, so that no other run or search learns from the same images."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run gave: where it lies, its figures on the test set, and the scores behind them."""

    folder: Path
    evaluation: Evaluation
    test: Dataset
    scores: Scores
    seconds: float


def run(
    source: str, options: TrainOptions, folder: Path, *, resume: bool = False, watch: Watch | None = None
) -> Result:
    """Trains on a known set's or a path's training images, saves the model, then reads the test set once.

    Raises UserError where `folder` already holds a run and `resume` is off, or holds another run to resume,
    or can't be written, or where another process is at work in it.
    """
    _check_folder(folder, resume=resume)
    device.choose(options.device)  # refused before anything is made
    training, split_name = training_set(source)
    warn_of_flips(options.augment, training.label_names)
    kept, validation = validation_set(source, training, options)
    guard = folder / LOCK_FILE
    with lock.held(guard, busy=f"another run is at work in {folder}; name another directory"):
        _check_folder(folder, resume=resume)  # again: another process may just have been through
        files.sweep(folder)
        arguments = {"data": source, **flat(options)}
        hashes = {"training": digest.sha256(training)}
        if resume and (folder / RUN_FILE).exists():
            begun = _described(folder)
            check_same_run(folder, begun["arguments"] | begun["data"], arguments | hashes)
        else:
            files.write(folder / RUN_FILE, _json({"arguments": arguments, "data": hashes, "finished": False}))
        trained = train(
            kept, validation, options, folder=folder, resume=resume, about=arguments | hashes, watch=watch
        )
        _save_models(folder, trained, kept, options, about={"data": source, "sha256": hashes["training"]})
        test = test_set(source, training, split_name)
        result = _judge(folder, trained, test, arguments, hashes)
        (folder / STATE_FILE).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # where a run is finished, none is begun: nothing to guard
        guard.unlink()
    return result


def training_set(source: str) -> tuple[Dataset, str]:
    """The images to learn from, and the split they were taken out of; the test set isn't read.

    A set without a test split beside it gives up TEST_SHARE of its rows (or writers) for the test.
    """
    names = data.splits(source)
    name = "train" if "train" in names else names[0]
    whole = data.load(source, name)
    if _has_own_test(source, name):
        return whole, name
    return split.hold_out(whole, TEST_SHARE, seed=_TEST_SEED)[0], name


def test_set(source: str, training: Dataset, split_name: str) -> Dataset:
    """The images to judge by: the set's own test split, or those that `training_set` left out."""
    if _has_own_test(source, split_name):
        test = data.load(source, "test")
    else:
        held = split.hold_out(data.load(source, split_name), TEST_SHARE, seed=_TEST_SEED)[1]
        test = replace(held, split="test")
    _require_same_labels(source, training, test, name="test")
    return test


def _require_same_labels(source: str, training: Dataset, other: Dataset, *, name: str) -> None:
    if other.label_names != training.label_names:
        raise UserError(
            f"the {name} split of {source} has the labels {', '.join(other.label_names)},"
            f" but the training split has {', '.join(training.label_names)}"
        )


def _has_own_test(source: str, split_name: str) -> bool:
    """Whether the set has a test split besides the one that is learnt from."""
    return split_name != "test" and "test" in data.splits(source)


def arguments_of(folder: Path) -> dict[str, Any]:
    """The arguments of the run in `folder`, by name. Raises UserError where there is no run."""
    arguments: dict[str, Any] = _described(folder)["arguments"]
    return arguments


def _described(folder: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder} holds no run to resume: {RUN_FILE} is missing or torn") from error
    parts = ("arguments", "data")
    if not isinstance(described, dict) or not all(isinstance(described.get(p), dict) for p in parts):
        raise UserError(f"{folder} holds no run to resume: {RUN_FILE} doesn't describe one")
    return described


def _check_folder(folder: Path, *, resume: bool) -> None:
    if resume and (folder / RUN_FILE).exists() and _described(folder).get("finished"):
        raise UserError(f"{folder} is finished; name another directory with --out")
    if (folder / MODEL_FILE).exists() and not resume:
        raise UserError(f"{folder} already holds a run; name another directory with --out")
    if (folder / STATE_FILE).exists() and not resume:
        raise UserError(
            f"{folder} holds a run that isn't through; go on with --resume, or name another --out"
        )


def validation_set(source: str, training: Dataset, options: TrainOptions) -> tuple[Dataset, Dataset | None]:
    """The images to learn from and those to choose by: the set's own validation split, or a part held out.

    None to choose by, and all to learn from, where `validation` is 0.
    """
    if options.validation == 0:
        return training, None
    if "validation" in data.splits(source) and training.split != "validation":
        own = data.load(source, "validation")
        _require_same_labels(source, training, own, name="validation")
        return training, own
    return split.hold_out(training, options.validation, seed=options.seed)


def _save_models(
    folder: Path, trained: Trained, training: Dataset, options: TrainOptions, *, about: Mapping[str, Any]
) -> None:
    """The model file; with a validation split also `last` and `best`."""
    card = Card(
        network=asdict(options.network),
        label_names=training.label_names,
        provenance={
            **about,
            "options": flat(options),
            "n_training": len(training),
            "n_steps": trained.n_steps,
            "versions": versions(),
        },
    )
    model = checkpoint.Model(network=trained.network, card=card)
    kept = {name: t.clone() for name, t in trained.network.state_dict().items()}
    for name, weights in (("last", trained.last), ("best", trained.best)):
        if trained.best:
            trained.network.load_state_dict(weights)
            checkpoint.save(folder / f"{name}.safetensors", model)
    trained.network.load_state_dict(kept)
    checkpoint.save(folder / MODEL_FILE, model)


def _judge(
    folder: Path, trained: Trained, test: Dataset, arguments: Mapping[str, Any], hashes: Mapping[str, str]
) -> Result:
    started = time.perf_counter()
    scores = classifier(trained.network)(test.images)
    seconds = time.perf_counter() - started
    where = device.choose(arguments["device"])
    evaluation = score(scores, test.labels, label_names=test.label_names, seconds=seconds)
    described = {
        "arguments": arguments,
        "data": {**hashes, "test": digest.sha256(test)},
        "versions": versions(),
        "machine": {
            "system": platform.platform(),
            "threads": torch.get_num_threads(),
            "device": where.type,
            "precision": device.precision(arguments["precision"], where),
        },
        "commit": _commit(),
        "training_seconds": trained.seconds,
        "evaluation": asdict(evaluation),
        "finished": True,
    }
    files.write(folder / RUN_FILE, _json(described))
    return Result(folder=folder, evaluation=evaluation, test=test, scores=scores, seconds=trained.seconds)


def draw(result: Result) -> None:
    """The run's pictures: learning curves, confusion matrix, the first ten test images."""
    # matplotlib takes a second to import, and the model is saved and judged without it.
    from inkdigits.learn import plot  # noqa: PLC0415

    plot.curves(history.read(result.folder / HISTORY_FILE), result.folder / "curves.png")
    plot.confusion(result.evaluation, result.folder / "confusion.png")
    first = slice(0, 10)
    plot.first_predictions(
        result.test.images[first],
        labels=result.test.labels[first],
        predicted=result.scores[first].argmax(1),
        probabilities=result.scores[first].max(1),
        label_names=result.test.label_names,
        path=result.folder / "first_predictions.png",
    )


def versions() -> dict[str, str]:
    """The versions that a run's figures depend on."""
    return {
        "inkdigits": __version__,
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "numpy": np.__version__,
    }


def _commit() -> str | None:
    """The commit of the checkout that the package runs from, `-dirty` where it was changed since.

    None where there is no checkout.
    """
    here = Path(__file__)
    try:
        _git(here.parent, "ls-files", "--error-unmatch", here.name)  # not just any repository around it
        changed = _git(here.parent, "status", "--porcelain", "--untracked-files=no")
        return _git(here.parent, "rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
