"""`inkdigits card`: what there is to know of a model that is given away, on one page, and pushing both."""

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inkdigits import files, weights
from inkdigits.card import Card
from inkdigits.cli import bars, judging, reproducing, subjects
from inkdigits.data import digest
from inkdigits.errors import ArgumentError, UserError
from inkdigits.evaluate import calibration, metrics, origins, robustness
from inkdigits.evaluate.check import require_same_labels
from inkdigits.evaluate.metrics import Evaluation
from inkdigits.learn import checkpoint, directory, export
from inkdigits.learn.networks import registry
from inkdigits.learn.options import NetworkOptions
from inkdigits.types import Dataset, Scores

try:
    from inkdigits.cli import pushing
    from inkdigits.cli.pushing import Target
    from inkdigits.evaluate import model_card
    from inkdigits.evaluate.model_card import Judged, Subject, Training
except ImportError as error:
    raise UserError("a model card needs pip install 'inkdigits[learn]'") from error

README = "README.md"
"""What the hub shows of a model."""

_ASKED = {"reader": "house"}
_APACHE = "apache-2.0"
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a card is to tell, and where it goes: printed where `out` is None and nothing is pushed."""

    data: str | None = None
    evaluation: Path | None = None
    robustness: bool = False
    licence: str | None = None
    watts: float | None = None
    out: Path | None = None

    def __post_init__(self) -> None:
        if self.robustness and self.data is None:
            raise ArgumentError("--robustness is measured on a set: name it with --data")
        if self.licence is not None and not _LICENCE.fullmatch(self.licence):
            raise ArgumentError(
                f"{self.licence!r} is no licence as the hub writes them: apache-2.0, mit, cc-by-4.0, other"
            )
        if self.watts is not None and not 0 < self.watts < math.inf:
            raise ArgumentError(f"watts is {self.watts:g}, but has to be more than 0")


def target(
    repository: str | None, *, revision: str | None, private: bool, despite_licence: bool
) -> Target | None:
    """Where to push; None where nothing is. Raises ArgumentError for what only a push can mean."""
    if repository is not None:
        return Target(
            repository=repository, revision=revision, private=private, despite_licence=despite_licence
        )
    for flag, is_given in (
        ("--revision", revision is not None),
        ("--private", private),
        ("--despite-licence", despite_licence),
    ):
        if is_given:
            raise ArgumentError(f"{flag} is about a repository: name it with --push OWNER/NAME")
    return None


def card(model: Path, asked: Asked, target: Target | None) -> int:
    """Writes or prints the card, and pushes it with the model."""
    if asked.out is not None:
        files.check(asked.out)
    found = subjects.find(model)
    if target is not None:
        pushing.check(target, origins.origins(found.card))
    shared = _files(model)
    run = _run(model, found.card)
    text = model_card.markdown(
        Subject(
            name=_name(model),
            card=found.card,
            files=tuple(shared),
            licence=asked.licence or (_APACHE if weights.is_shipped(model) else model_card.UNKNOWN_LICENCE),
            n_weights=_n_weights(found.card),
            asks=_ASKED.get(str(model), "") if weights.is_shipped(model) else "",
            judged=_judged(found, asked) or _of_run(run, model),
            training=_training(run, found.card, asked.watts),
            steps=_steps(model, found.card),
        )
    )
    if asked.out is not None:
        files.write(asked.out, text.encode())
    if target is not None:
        told = {name: _as_strangers_have_it(path, found.card) for name, path in shared.items()}
        print(pushing.push(target, {README: text.encode()} | told))
    elif asked.out is None:
        print(text, end="")
    return 0


def _name(model: Path) -> str:
    return f"inkdigits {model}" if weights.is_shipped(model) else model.resolve().stem


def _files(model: Path) -> Mapping[str, Path]:
    """The model's files by the names that they are given away under; of one that asks another, that one's."""
    if weights.is_shipped(model):
        names = [name for name in (str(model), _ASKED.get(str(model))) if name is not None]
        paths = [weights.FOLDER / f"{name}.{kind}" for name in names for kind in ("onnx", "safetensors")]
    else:
        paths = [model / directory.MODEL_FILE if model.is_dir() else model]
    return {path.name: path for path in paths}


def _as_strangers_have_it(path: Path, card: Card) -> bytes | Path:
    """The model's file, without the folders of this machine that it may tell of."""
    public = origins.public(card.provenance)
    if public == dict(card.provenance):
        return path
    if path.suffix.lower() == subjects.EXPORTED:
        return export.described(path.read_bytes(), replace(card, provenance=public))
    tensors, about = checkpoint.unpack(path)
    return checkpoint.pack(tensors, about | {"provenance": public})


def _steps(model: Path, card: Card) -> tuple[str, ...]:
    """The commands that make it; of one that asks another, that one's first."""
    if not weights.is_shipped(model):
        return reproducing.steps(card)
    names = [name for name in (_ASKED.get(str(model)), str(model)) if name is not None]
    return ("# in a checkout of inkdigits", *(f"python -m {weights.MADE_BY[name]}" for name in names))


def _n_weights(card: Card) -> int | None:
    """How many parameters a network has that is built as the card says; None where it can't be."""
    with suppress(KeyError, TypeError, UserError):
        network = registry.build(NetworkOptions(**card.network), len(card.label_names))
        return sum(weight.numel() for weight in network.parameters())
    return None


def _run(model: Path, card: Card) -> Mapping[str, Any]:
    """What the run directory says in which the model lies; nothing where it lies in none, or in another's."""
    folder = model if model.is_dir() else model.parent
    try:
        run = directory.described(folder)
    except UserError:
        return {}
    is_of_it = run["data"].get("training") == card.provenance.get("sha256")
    return run if is_of_it and run.get("finished") and not weights.is_shipped(model) else {}


def _training(run: Mapping[str, Any], card: Card, watts: float | None) -> Training:
    machine = run.get("machine")
    machine = machine if isinstance(machine, Mapping) else {}
    seconds = run.get("training_seconds", card.provenance.get("training_seconds"))
    threads = machine.get("threads")
    return Training(
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        n_threads=threads if isinstance(threads, int) else None,
        device=str(machine.get("device", "")),
        system=str(machine.get("system", "")),
        precision=str(machine.get("precision", "")),
        commit=str(run["commit"]) if run.get("commit") else None,
        watts=watts,
    )


def _of_run(run: Mapping[str, Any], model: Path) -> Judged | None:
    """The figures that a run ended with, on its test set: its model's, not those of a checkpoint."""
    if not model.is_dir() and model.name != directory.MODEL_FILE:
        return None
    try:
        evaluation = metrics.parse(run["evaluation"])
        data, sha256 = run["arguments"]["data"], run["data"]["test"]
    except (KeyError, TypeError, ValueError):
        return None
    return Judged(evaluation=evaluation, data=data, split="test", sha256=sha256)


def _judged(found: subjects.Subject, asked: Asked) -> Judged | None:
    """The figures that were asked for, measured or from a file; None where none were."""
    told = None if asked.evaluation is None else _told(asked.evaluation, found.card)
    if asked.data is None:
        return None if told is None else Judged(evaluation=told)
    dataset = judging.judged(asked.data, [found.card])
    require_same_labels(found.card.label_names, dataset)
    scores, evaluation = None, told
    if evaluation is None:
        scores, seconds = metrics.scores(found.classify, dataset)
        evaluation = metrics.score(scores, dataset.labels, label_names=dataset.label_names, seconds=seconds)
    _require_of(evaluation, dataset, asked)
    return Judged(
        evaluation=evaluation,
        data=asked.data,
        split=dataset.split,
        sha256=digest.sha256(dataset),
        selections=() if scores is None else _selections(scores, dataset, found.card),
        robustness=_robustness(found, dataset) if asked.robustness else None,
    )


def _told(path: Path, card: Card) -> Evaluation:
    """The figures in a file. Raises UserError where it holds none, or those of a model with other labels."""
    try:
        found = metrics.parse(json.loads(path.read_bytes()))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UserError(f"{path} holds no figures as `inkdigits evaluate --json` prints them") from error
    labels = tuple(each.label for each in found.per_class)
    if labels != card.label_names:
        theirs, ours = (", ".join(each) for each in (labels, card.label_names))
        raise UserError(f"{path} tells of a model with the labels {theirs}; this one's are {ours}")
    return found


def _require_of(evaluation: Evaluation, dataset: Dataset, asked: Asked) -> None:
    """Raises UserError where figures from a file can't be of these images."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.label_names)).tolist()
    supports = [(each.label, each.support) for each in evaluation.per_class]
    if supports != list(zip(dataset.label_names, counts, strict=True)):
        raise UserError(
            f"{asked.evaluation} tells of {evaluation.n:,} images, which aren't the {len(dataset):,} of"
            f" {asked.data} ({dataset.split}): name the set that it is of with --data, or leave that out"
        )


def _selections(scores: Scores, dataset: Dataset, card: Card) -> list[calibration.Selection]:
    """What the thresholds of the model's file do on these images."""
    sure, right = calibration.given(scores, dataset.labels, card.label_names)
    return [
        calibration.accepted(sure, right, least_confidence=least, error_rate=float(rate))
        for rate, least in card.thresholds.items()
    ]


def _robustness(found: subjects.Subject, dataset: Dataset) -> robustness.Robustness:
    with bars.parts_done("corrupting images") as progress:
        return robustness.robustness(found.classify, robustness.sample(dataset), progress=progress)
