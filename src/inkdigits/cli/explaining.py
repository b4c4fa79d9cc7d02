"""`inkdigits explain`: where a model looked, and what it finds alike, drawn."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inkdigits import data, files, image, weights
from inkdigits.card import Card
from inkdigits.cli import subjects
from inkdigits.cli.output import print_json
from inkdigits.errors import ArgumentError, UserError
from inkdigits.evaluate import occlusion, panel
from inkdigits.evaluate.check import require_scores
from inkdigits.evaluate.explanation import Explanation, Look, Neighbour
from inkdigits.evaluate.table import percent
from inkdigits.types import SIDE, Box, Classifier, Dataset, Gray, Images, Labels, Scores

NEIGHBOURS, MOST_NEIGHBOURS, MOST_IMAGES = 5, 50, 100
"""Training images shown by default and at most, and images explained at once."""

_WHOLE = Box(x=0, y=0, width=SIDE, height=SIDE)
_ROW = re.compile(r"(?P<source>.+):(?P<row>[0-9]{1,12})")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be explained, and how: see `inkdigits explain --help`."""

    model: Path
    images: tuple[str, ...]
    method: str
    label: str | None
    data: str | None
    neighbours: int | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Shown:
    """An image by its name, where in which picture it is, and what it really is, if that is known."""

    name: str
    picture: Gray
    image: Gray
    box: Box
    truth: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """What was found of several images: scores, the labels that are explained, and for each the rest."""

    card: Card
    scores: Scores
    labels: Labels
    looks: Sequence[Sequence[Look]]
    neighbours: Sequence[tuple[Neighbour, ...]]


def explain(order: Order, out: Path, *, as_json: bool) -> int:
    """Writes the picture, and prints what is on it."""
    _check(order, out)
    loaded: dict[str, Dataset] = {}
    shown = [_shown(name, loaded) for name in order.images]
    images = np.stack([each.image for each in shown])
    found = _by_occlusion(order, images) if _is_outside(order) else _by_all(order, images)
    explanations = [_explanation(each, found, at) for at, each in enumerate(shown)]
    files.write(out, panel.png(explanations))
    if as_json:
        print_json({"file": str(out), "images": [_told(each) for each in explanations]})
        return 0
    for each in explanations:
        near = " ".join(neighbour.label for neighbour in each.neighbours)
        print(
            f"{each.name}: {each.answer}, {percent(each.confidence, digits=1)}"
            + (f"; nearest training images: {near}" if near else "")
        )
    print(out)
    return 0


def _check(order: Order, out: Path) -> None:
    if out.suffix.lower() != ".png":
        raise ArgumentError(f"{out} is no name for the picture; it should end in .png")
    if order.neighbours is not None and not 0 <= order.neighbours <= MOST_NEIGHBOURS:
        raise ArgumentError(
            f"neighbours is {order.neighbours}, but has to lie between 0 and {MOST_NEIGHBOURS}"
        )
    if len(order.images) > MOST_IMAGES:
        raise ArgumentError(f"{len(order.images)} images are too many for a picture: {MOST_IMAGES} at most")
    files.check(out)
    if not _is_exported(order.model):
        return
    if order.method in {"integrated-gradients", "grad-cam"}:
        raise UserError(
            f"{order.model} is an exported model, which has no gradients for {order.method}: name the model"
            " file or run directory that it was exported from, or take --method occlusion"
        )
    if order.neighbours or order.data is not None:
        raise UserError(
            f"{order.model} is an exported model, which tells no features to find nearest images by: name the"
            " model file or run directory that it was exported from, or leave --neighbours and --data out"
        )
    if order.method == "all":
        print(f"{order.model} is an exported model: only occlusion can tell where it looks", file=sys.stderr)


def _is_exported(model: Path) -> bool:
    return model.suffix.lower() == subjects.EXPORTED


def _is_outside(order: Order) -> bool:
    """Whether the model is judged from outside, as it reads: no network is needed."""
    is_alone = order.method == "occlusion" and not order.neighbours and order.data is None
    return _is_exported(order.model) or (weights.is_shipped(order.model) and is_alone)


def _shown(name: str, loaded: dict[str, Dataset]) -> _Shown:
    """The digit image in a file, or a row of a set, `loaded` once. Raises UserError where there is none."""
    row = _ROW.fullmatch(name)
    if row is not None and not Path(name).exists():
        return _row(row["source"], int(row["row"]), loaded)
    picture = image.decode(Path(name))
    try:
        found, box = image.find_digit(picture)
    except UserError as error:
        raise UserError(f"{name} shows no digit to explain: {error}") from error
    return _Shown(name=name, picture=picture, image=found, box=box, truth=None)


def _row(source: str, row: int, loaded: dict[str, Dataset]) -> _Shown:
    """A row of the test split, or of a set without one the first split."""
    if source not in loaded:
        splits = data.splits(source)
        loaded[source] = data.load(source, "test" if "test" in splits else splits[0])
    dataset = loaded[source]
    if row >= len(dataset):
        raise UserError(f"{source} has no row {row}: {dataset.split} has {len(dataset):,}, counted from 0")
    found = dataset.images[row]
    name = f"{source} {dataset.split} {row}"
    truth = dataset.label_names[dataset.labels[row]]
    return _Shown(name=name, picture=found, image=found, box=_WHOLE, truth=truth)


def _by_occlusion(order: Order, images: Images) -> _Found:
    """What can be told of any model, from outside."""
    subject = subjects.find(order.model)
    scores = subject.classify(images)
    require_scores(scores, n=len(images), label_names=subject.card.label_names)
    labels = _labels(order, scores, subject.card)
    looks = [[look] for look in _occlusions(subject.classify, images, labels)]
    return _Found(card=subject.card, scores=scores, labels=labels, looks=looks, neighbours=[()] * len(images))


def _by_all(order: Order, images: Images) -> _Found:
    """What can be told of a network, as far as it was asked for."""
    try:
        from inkdigits.cli import insides  # noqa: PLC0415 (PyTorch: not all have it)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "inkdigits":
            raise
        raise UserError(
            f"to look into {order.model} needs pip install 'inkdigits[learn]'; of exported models, house and"
            " reader, --method occlusion does without"
        ) from error
    found = insides.find(str(order.model))
    card, classify = found.subject.card, found.subject.classify
    among = _among(order, card)
    scores = classify(images)
    require_scores(scores, n=len(images), label_names=card.label_names)
    labels = _labels(order, scores, card)
    looks: list[list[Look]] = [[] for _ in images]
    if order.method in {"occlusion", "all"}:
        looks = [[look] for look in _occlusions(classify, images, labels)]
    inner = insides.looks(found.network, images, labels, order.method)
    nearest: Sequence[tuple[Neighbour, ...]] = [()] * len(images)
    if among is not None:
        n = NEIGHBOURS if order.neighbours is None else order.neighbours
        nearest = insides.nearest(found.network, images, among, n)
    return _Found(
        card=card,
        scores=scores,
        labels=labels,
        looks=[[*outer, *rest] for outer, rest in zip(looks, inner, strict=True)],
        neighbours=nearest,
    )


def _among(order: Order, card: Card) -> Dataset | None:
    """The training images to compare with; None where none are wanted, or by default none are at hand."""
    from inkdigits.cli import insides  # noqa: PLC0415

    if order.neighbours == 0:
        return None
    try:
        return insides.learnt_from(str(order.model), card, order.data)
    except UserError as error:
        if order.neighbours is not None or order.data is not None:
            raise
        print(f"no nearest training images are shown: {error}", file=sys.stderr)
        return None


def _occlusions(classify: Classifier, images: Images, labels: Labels) -> list[Look]:
    falls = occlusion.looks(images, classify, labels=labels)
    return [Look(method="occlusion", amounts=amounts) for amounts in falls]


def _labels(order: Order, scores: Scores, card: Card) -> Labels:
    """The label to explain of each image: the one asked for, or the answer."""
    if order.label is None:
        return np.asarray(scores.argmax(axis=1), np.int64)
    if order.label not in card.label_names:
        raise UserError(
            f"{order.model} knows no label {order.label!r}; its labels are {', '.join(card.label_names)}"
        )
    return np.full(len(scores), card.label_names.index(order.label), np.int64)


def _explanation(shown: _Shown, found: _Found, at: int) -> Explanation:
    names = found.card.label_names
    return Explanation(
        name=shown.name,
        picture=shown.picture,
        box=shown.box,
        image=shown.image,
        truth=shown.truth,
        scores=tuple(found.scores[at].tolist()),
        label_names=names,
        label=names[found.labels[at]],
        looks=tuple(found.looks[at]),
        neighbours=found.neighbours[at],
    )


def _told(explanation: Explanation) -> dict[str, Any]:
    """An explanation as plain values; amounts row by row from the top, four digits of each."""
    return {
        "image": explanation.name,
        "truth": explanation.truth,
        "answer": explanation.answer,
        "confidence": explanation.confidence,
        "scores": dict(zip(explanation.label_names, explanation.scores, strict=True)),
        "label": explanation.label,
        "looks": [
            {"method": look.method, "amounts": [[float(f"{a:.4g}") for a in row] for row in look.amounts]}
            for look in explanation.looks
        ],
        "neighbours": [{"label": n.label, "distance": n.distance} for n in explanation.neighbours],
    }
