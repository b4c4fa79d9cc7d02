"""`inkdigits evaluate`: a model's figures on a labelled set, or two models side by side."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from inkdigits import data
from inkdigits.card import NONE, Card
from inkdigits.cli import attacking, bars, strangers, subjects
from inkdigits.cli.judgement import Judgement, Order
from inkdigits.cli.output import print_json
from inkdigits.cli.subjects import Subject
from inkdigits.data import digest
from inkdigits.errors import UserError
from inkdigits.evaluate import compare, metrics, origins, table
from inkdigits.evaluate.check import require_same_labels
from inkdigits.evaluate.compare import Comparison
from inkdigits.evaluate.robustness import robustness, sample
from inkdigits.learn.sets import Load, Source
from inkdigits.types import Dataset, Scores

_ONE = "The model has", "it was", "it"
_TWO = "Of the two models one at least has", "they were", "them"


def evaluate(order: Order, *, as_json: bool) -> int:
    """Prints what was found of a model, and writes the report where one is asked for."""
    if order.report is not None:
        from inkdigits.cli import reporting  # noqa: PLC0415 (its templates take a while to import)

        reporting.check(order.report)
    found = judge(order)
    if as_json:
        print_json(_values(found, order))
    else:
        print("\n".join(_texts(found, order)), end="")
    if order.report is not None:
        reporting.write(order, found)
    return 0


def judge(order: Order) -> Judgement:
    """All that was asked for, and what belongs into a report. Raises UserError for what can't be judged."""
    if order.attacks:
        attacking.check(order.model)
    model = subjects.find(order.model)
    other = None if order.against is None else subjects.find(order.against)
    cards = [each.card for each in (model, other) if each is not None]
    dataset = judged(order.source, cards, order.split)
    require_same_labels(model.card.label_names, dataset)
    if other is not None:
        _require_known(dataset, other)
    scores, seconds = metrics.scores(model.classify, dataset)
    found = Judgement(
        subject=model,
        dataset=dataset,
        scores=scores,
        evaluation=metrics.score(scores, dataset.labels, label_names=dataset.label_names, seconds=seconds),
    )
    is_reported = order.report is not None
    if other is not None:
        found = replace(found, comparison=_compared(other, found))
    if order.robustness or is_reported:
        with bars.parts_done("corrupting images") as progress:
            found = replace(found, robustness=robustness(model.classify, sample(dataset), progress=progress))
    if order.unseen or (is_reported and _holds_digits(dataset)):
        kinds = strangers.kinds(model, dataset, scores, learnt=sets_learnt_from(model.card))
        found = replace(found, unseen=kinds)
    if order.attacks:
        found = replace(found, attacks=attacking.attacks(order.model, dataset))
    return found


def _holds_digits(dataset: Dataset) -> bool:
    return any(dataset.label_names[label] != NONE for label in set(dataset.labels.tolist()))


def _require_known(dataset: Dataset, other: Subject) -> None:
    """Raises UserError where the second model doesn't know a label that images have; it may know more."""
    occurring = {dataset.label_names[label] for label in set(dataset.labels.tolist())}
    lacking = sorted(occurring - set(other.card.label_names))
    if lacking:
        theirs = ", ".join(other.card.label_names)
        raise UserError(
            f"{dataset.name} has images of {lacking[0]!r}; the labels of {other.name} are {theirs}"
        )


def _compared(other: Subject, found: Judgement) -> Comparison:
    """Both models' answers among the labels that either knows: what one doesn't know, it never answers."""
    ours, theirs = found.dataset.label_names, other.card.label_names
    scores, _ = metrics.scores(other.classify, found.dataset.relabelled(theirs))
    either = (*ours, *(name for name in theirs if name not in ours))
    return compare.compare(
        _among(either, found.scores, ours),
        _among(either, scores, theirs),
        labels=found.dataset.labels,
        names=(found.subject.name, other.name),
    )


def _among(either: Sequence[str], scores: Scores, names: Sequence[str]) -> Scores:
    found = np.zeros((len(scores), len(either)), np.float32)
    found[:, [either.index(name) for name in names]] = scores
    return found


def _values(found: Judgement, order: Order) -> dict[str, Any]:
    """The JSON: figures, and by name what was asked for beside them."""
    told = asdict(found.evaluation)
    if found.comparison is not None:
        told["comparison"] = asdict(found.comparison)
    if found.robustness is not None and order.robustness:
        told["robustness"] = found.robustness.values()
    if order.unseen:
        told["unseen"] = [strangers.told(each) for each in found.unseen]
    if order.attacks:
        told["attacks"] = [asdict(each) for each in found.attacks]
    return told


def _texts(found: Judgement, order: Order) -> Iterator[str]:
    """The same to read, block by block, every line ended."""
    yield table.text(found.evaluation)
    if found.comparison is not None:
        yield f"{found.comparison.verdict}\n"
    if found.robustness is not None and order.robustness:
        yield table.robustness(found.robustness)
    if order.unseen:
        yield table.unseen(found.unseen)
    if order.attacks:
        yield table.attacks(found.attacks)


def judged(source: str, cards: Sequence[Card], split: str | None = None) -> Dataset:
    """The images that models are judged on, their labels as the first has them where it knows them all.

    A named split; or the set's test split; or all of it, less what any of them has learnt from.
    """
    found = data.load(source, split) if split else unseen(source, cards)
    knows_all = set(found.label_names) <= set(cards[0].label_names)
    return found.relabelled(cards[0].label_names) if knows_all else found


def unseen(source: str, cards: Sequence[Card], load: Load = data.load) -> Dataset:
    """The set's test split; or all of it, less what any of the models has learnt from."""
    names = data.splits(source)
    if "test" in names:
        return load(source, "test")
    images = Source(source, load)
    try:
        training, name = images.training()
    except UserError:  # too few for a part to be held out: nobody has learnt from them
        return load(source, names[0])
    learner, whom, them = _ONE if len(cards) == 1 else _TWO
    lessons = [lesson for card in cards for lesson in card.lessons]
    if digest.sha256(training) in [lesson.get("sha256") for lesson in lessons]:
        found = images.test(training, name)
        note = f"judged on the {len(found):,} images that {whom} not shown (--split {name} takes all)"
    else:
        found = load(source, name)
        if origins.key(source) not in {origins.key(str(each["data"])) for each in lessons if "data" in each}:
            return found
        some = f"some of the {len(found):,} may have been shown to {them}"
        note = f"but from other images than are there now: {some}"
    print(f"{learner} learnt from {source}: {note}", file=sys.stderr)
    return found


def sets_learnt_from(card: Card) -> set[str]:
    """The names of the sets that a card's runs learnt from."""
    return {name for lesson in card.lessons for name in str(lesson.get("data", "")).split(" and ")}
