"""`inkdigits evaluate`: a model's figures on a labelled set, or two models side by side."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inkdigits import data, weights
from inkdigits.card import Card
from inkdigits.cli.output import print_json
from inkdigits.data import digest, known
from inkdigits.errors import UserError
from inkdigits.evaluate import compare, metrics, table
from inkdigits.evaluate.check import require_same_labels
from inkdigits.learn.sets import Load, Source
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import Classifier, Dataset

EXPORTED = ".onnx"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model to be judged, whichever engine runs it: what it was called, its scores, and its card."""

    name: str
    classify: Classifier
    card: Card


def evaluate(model: Path, source: str, *, split: str | None, against: Path | None, as_json: bool) -> int:
    """Prints the figures of `model`, and the comparison with `against` where there is one."""
    subjects = [subject(path) for path in ([model] if against is None else [model, against])]
    dataset = judged(source, subjects[0].card, split)
    for each in subjects:
        require_same_labels(each.card.label_names, dataset)
    scores, seconds = metrics.scores(subjects[0].classify, dataset)
    evaluation = metrics.score(scores, dataset.labels, label_names=dataset.label_names, seconds=seconds)
    if against is None:
        print_json(asdict(evaluation)) if as_json else print(table.text(evaluation), end="")
        return 0
    others, _ = metrics.scores(subjects[1].classify, dataset)
    found = compare.compare(scores, others, labels=dataset.labels, names=(str(model), str(against)))
    if as_json:
        print_json(asdict(evaluation) | {"comparison": asdict(found)})
    else:
        print(table.text(evaluation), found.verdict, sep="\n")
    return 0


def subject(path: Path) -> Subject:
    """The model that a path or name means: one that ships, as it reads; an exported one; one to learn from.

    Raises UserError where there is none, and where it doesn't tell single digits.
    """
    name = str(path)
    if name in weights.NAMES and not path.exists():
        found = _exported(name, engine.shipped(name))
    elif path.suffix.lower() == EXPORTED:
        found = _exported(name, engine.load(path))
    else:
        found = _learnt(name)
    if found.card.reads_lines:
        raise UserError(f"{name} reads lines of digits; single ones are what can be judged here")
    return found


def _exported(name: str, loaded: Engine) -> Subject:
    return Subject(name=name, classify=loaded.classify, card=loaded.card)


def _learnt(name: str) -> Subject:
    from inkdigits.learn import models  # noqa: PLC0415 (PyTorch: not all have it)
    from inkdigits.learn.classifier import classifier  # noqa: PLC0415

    found = models.find(name)
    classify = classifier(found.network, temperature=found.card.temperature)
    return Subject(name=name, classify=classify, card=found.card)


def judged(source: str, card: Card, split: str | None = None) -> Dataset:
    """The images that a model is judged on, their labels as the model has them where it knows them all.

    A named split; or the set's test split; or all of it, less what the model has learnt from.
    """
    found = data.load(source, split) if split else unseen(source, card)
    knows_all = set(found.label_names) <= set(card.label_names)
    return found.relabelled(card.label_names) if knows_all else found


def unseen(source: str, card: Card, load: Load = data.load) -> Dataset:
    """The set's test split; or all of it, less what the model has learnt from."""
    names = data.splits(source)
    if "test" in names:
        return load(source, "test")
    images = Source(source, load)
    training, name = images.training()
    lessons = _lessons(card)
    if digest.sha256(training) in [lesson.get("sha256") for lesson in lessons]:
        test = images.test(training, name)
        note = f"judged on the {len(test):,} images that it was not shown (--split {name} takes all)"
    elif _named(source) in {_named(lesson["data"]) for lesson in lessons if "data" in lesson}:
        test = load(source, name)
        note = (
            f"but from other images than are there now: some of the {len(test):,} may have been shown to it"
        )
    else:
        return load(source, name)
    print(f"The model has learnt from {source}: {note}", file=sys.stderr)
    return test


def _lessons(card: Card) -> list[Mapping[str, Any]]:
    """What a card tells of the runs that made its model, the last one first."""
    found: list[Mapping[str, Any]] = []
    lesson: Any = card.provenance
    while isinstance(lesson, Mapping):
        found.append(lesson)
        start = lesson.get("start")
        lesson = start.get("provenance") if isinstance(start, Mapping) else None
    return found


def _named(data_name: object) -> str:
    """The name of a known set, or the path from the root."""
    name = str(data_name)
    return name if known.find(name) else str(Path(name).expanduser().resolve())
