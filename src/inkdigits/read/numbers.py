"""One line of digits in one picture, read along the strip without cutting it apart."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.image import Strip
from inkdigits.image.boxes import whole
from inkdigits.read import candidates, ctc, looks
from inkdigits.read.checks import Checks
from inkdigits.read.ctc import LogScores
from inkdigits.read.engine import Engine
from inkdigits.read.looks import Looks
from inkdigits.types import Box, Candidate, Digit, Gray, Line

_LEAST = 1e-30
_NOTHING = 0.5


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of a line: the confidence from which it is accepted, and what its number has to meet."""

    least_confidence: float
    checks: Checks | None = None


def read(picture: Gray, engine: Engine, wanted: Wanted) -> Line:
    """The line of digits in a picture; without text, where the picture is blank or shows no digits."""
    try:
        strip = image.strip(picture)
    except UserError:
        return _refused("blank", whole(picture))
    seen = look(engine, strip.ink)
    if looks.nothing(seen) > _NOTHING:
        return _refused("not a digit", strip.box)
    return _told(strip, seen, engine.card.label_names, wanted)


def look(engine: Engine, ink: Gray) -> Looks:
    """What the model sees in a strip, at as many looks as it takes."""
    return looks.look(ink, lambda strips: _score(engine, strips))


def _score(engine: Engine, strips: Sequence[Gray]) -> list[LogScores]:
    """The natural logarithm of the probabilities of each frame that each strip has."""
    shown = image.side_by_side(strips)
    scores = engine.classify(shown)
    if scores.shape[1] * image.COLUMNS != shown.shape[2]:
        raise UserError(
            f"the model gives {scores.shape[1]} frames for {shown.shape[2]} columns, where one for every"
            f" {image.COLUMNS} was expected: it was made by another version of inkdigits"
        )
    return [
        np.log(np.maximum(each[: image.n_frames(strip.shape[1])].astype(np.float64), _LEAST))
        for each, strip in zip(scores, strips, strict=True)
    ]


def _told(strip: Strip, seen: Looks, names: tuple[str, ...], wanted: Wanted) -> Line:
    found = looks.read(seen)
    text, confidence = _text(found.labels, names), found.confidence
    numbers: tuple[Candidate, ...] = ()
    objection = None
    if wanted.checks is not None:
        best = candidates.best(seen, names, wanted.checks)
        numbers, objection = best.numbers, best.reason
        if numbers and objection is None:
            text, confidence = numbers[0].text, numbers[0].confidence
    if not text:
        return _refused("not a digit", strip.box)
    unsure = None if confidence >= wanted.least_confidence else "unsure"
    reason = objection or unsure
    return Line(
        text=text,
        confidence=0.0 if objection else confidence,
        accepted=reason is None,
        reason=reason,
        box=strip.box,
        digits=_digits(strip, seen[0], tuple(names.index(each) for each in text), names),
        candidates=numbers,
    )


def _text(labels: tuple[int, ...], names: tuple[str, ...]) -> str:
    return "".join(names[label] for label in labels)


def _digits(
    strip: Strip, scores: LogScores, labels: tuple[int, ...], names: tuple[str, ...]
) -> tuple[Digit, ...]:
    """Each digit's box: the ink between the emptiest columns towards its neighbours' frames.

    None where the scores have no room for the labels.
    """
    spans = ctc.align(scores, labels)
    if not spans:
        return ()
    middles = [round(image.COLUMNS * (first + end) / 2) - image.MARGIN for first, end in spans]
    cuts = [_emptiest(strip.ink, *each) for each in itertools.pairwise(middles)]
    bounds = [0.0, *cuts, float(strip.ink.shape[1])]
    return tuple(
        Digit(
            label=names[label],
            confidence=float(np.exp(scores[slice(*span), label].max())),
            box=strip.part(first, end),
        )
        for label, span, (first, end) in zip(labels, spans, itertools.pairwise(bounds), strict=True)
    )


def _emptiest(ink: Gray, first: int, end: int) -> float:
    """Of the columns between two, the one with least ink; of several, the nearest to their middle."""
    first, end = max(0, first), min(ink.shape[1], end)
    if end <= first:
        return float(first)
    inked = ink[:, first:end].sum(axis=0, dtype=np.int64)
    emptiest = np.flatnonzero(inked == inked.min()) + 0.5
    return float(first + emptiest[abs(emptiest - len(inked) / 2).argmin()])


def _refused(reason: str, box: Box) -> Line:
    return Line(text="", confidence=0.0, accepted=False, reason=reason, box=box, digits=())
