"""`inkdigits evaluate`: a model's figures on a labelled set, or two models side by side."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from inkdigits import data
from inkdigits.card import Card
from inkdigits.cli import strangers, subjects
from inkdigits.cli.output import print_json
from inkdigits.data import digest, known
from inkdigits.evaluate import compare, metrics, table
from inkdigits.evaluate.check import require_same_labels
from inkdigits.evaluate.compare import Comparison
from inkdigits.evaluate.metrics import Evaluation
from inkdigits.evaluate.unseen import Kind
from inkdigits.learn.sets import Load, Source
from inkdigits.types import Dataset


def evaluate(
    model: Path,
    source: str,
    *,
    split: str | None,
    against: Path | None,
    report: Path | None,
    unseen: bool,
    as_json: bool,
) -> int:
    """Prints the figures of `model`, the comparison with `against`, what is no digit; writes the report."""
    if report is not None:
        from inkdigits.cli import reporting  # noqa: PLC0415 (its templates take a while to import)

        reporting.check(report)
    judged_models = [subjects.find(path) for path in ([model] if against is None else [model, against])]
    dataset = judged(source, judged_models[0].card, split)
    for each in judged_models:
        require_same_labels(each.card.label_names, dataset)
    scores, seconds = metrics.scores(judged_models[0].classify, dataset)
    evaluation = metrics.score(scores, dataset.labels, label_names=dataset.label_names, seconds=seconds)
    found = None
    if against is not None:
        others, _ = metrics.scores(judged_models[1].classify, dataset)
        found = compare.compare(scores, others, labels=dataset.labels, names=(str(model), str(against)))
    kinds: tuple[Kind, ...] = ()
    if unseen or report is not None:
        kinds = strangers.kinds(
            judged_models[0], dataset, scores, learnt=sets_learnt_from(judged_models[0].card)
        )
    if report is not None:
        reporting.write(report, judged_models[0], dataset, scores, evaluation, found, kinds, against=against)
    _tell(evaluation, found, kinds if unseen else None, as_json=as_json)
    return 0


def _tell(
    evaluation: Evaluation, comparison: Comparison | None, kinds: Sequence[Kind] | None, *, as_json: bool
) -> None:
    if as_json:
        compared = {} if comparison is None else {"comparison": asdict(comparison)}
        told = {} if kinds is None else {"unseen": [strangers.told(each) for each in kinds]}
        print_json(asdict(evaluation) | compared | told)
        return
    print(table.text(evaluation), end="" if comparison is None else f"\n{comparison.verdict}\n")
    if kinds is not None:
        print(f"\n{table.unseen(kinds)}", end="")


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
    lessons = card.lessons
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


def sets_learnt_from(card: Card) -> set[str]:
    """The names of the sets that a card's runs learnt from."""
    return {name for lesson in card.lessons for name in str(lesson.get("data", "")).split(" and ")}


def _named(data_name: object) -> str:
    """The name of a known set, or the path from the root."""
    name = str(data_name)
    return name if known.find(name) else str(Path(name).expanduser().resolve())
