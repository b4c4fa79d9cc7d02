"""`inkdigits evaluate`: a model's figures on a labelled set, or two models side by side."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inkdigits import data
from inkdigits.cli.output import print_json
from inkdigits.data import digest, known
from inkdigits.evaluate import compare, metrics, table
from inkdigits.evaluate.check import require_same_labels
from inkdigits.learn import models
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.classifier import classifier
from inkdigits.learn.sets import Load, Source
from inkdigits.types import Classifier, Dataset


def evaluate(model: Path, source: str, *, split: str | None, against: Path | None, as_json: bool) -> int:
    """Prints the figures of `model`, and the comparison with `against` where there is one."""
    paths = [model] if against is None else [model, against]
    loaded = [models.find(str(path)) for path in paths]
    dataset = _with_labels_of(loaded[0], data.load(source, split) if split else judged(source, loaded[0]))
    classifiers = [_classifier(each, dataset) for each in loaded]
    evaluation = metrics.evaluate(classifiers[0], dataset)
    if against is None:
        print_json(asdict(evaluation)) if as_json else print(table.text(evaluation), end="")
        return 0
    scores = [classify(dataset.images) for classify in classifiers]
    found = compare.compare(*scores, labels=dataset.labels, names=(str(model), str(against)))
    if as_json:
        print_json(asdict(evaluation) | {"comparison": asdict(found)})
    else:
        print(table.text(evaluation), found.verdict, sep="\n")
    return 0


def judged(source: str, model: Model, load: Load = data.load) -> Dataset:
    """The set's test split; or all of it, less what the model has learnt from."""
    names = data.splits(source)
    if "test" in names:
        return load(source, "test")
    images = Source(source, load)
    training, name = images.training()
    lessons = _lessons(model)
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


def _lessons(model: Model) -> list[Mapping[str, Any]]:
    """What a card tells of the runs that made its model, the last one first."""
    found: list[Mapping[str, Any]] = []
    lesson: Any = model.card.provenance
    while isinstance(lesson, Mapping):
        found.append(lesson)
        start = lesson.get("start")
        lesson = start.get("provenance") if isinstance(start, Mapping) else None
    return found


def _named(data_name: object) -> str:
    """The name of a known set, or the path from the root."""
    name = str(data_name)
    return name if known.find(name) else str(Path(name).expanduser().resolve())


def _with_labels_of(model: Model, dataset: Dataset) -> Dataset:
    """The set, its labels as the model has them where it knows them all."""
    knows_all = set(dataset.label_names) <= set(model.card.label_names)
    return dataset.relabelled(model.card.label_names) if knows_all else dataset


def _classifier(model: Model, dataset: Dataset) -> Classifier:
    require_same_labels(model.card.label_names, dataset)
    return classifier(model.network, temperature=model.card.temperature)
