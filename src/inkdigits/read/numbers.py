"""One line of digits in one picture, read along the strip without cutting it apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.image import Strip
from inkdigits.image.boxes import whole
from inkdigits.read import candidates, ctc, cuts, looks
from inkdigits.read.checks import Checks
from inkdigits.read.ctc import LogScores
from inkdigits.read.engine import Engine
from inkdigits.read.seen import Seen
from inkdigits.types import Box, Candidate, Digit, Gray, Line

_LEAST = 1e-30
_NOTHING = 0.5


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of a line: the confidence from which it is accepted, and what its number has to meet."""

    least_confidence: float
    checks: Checks | None = None


@dataclass(frozen=True, kw_only=True)
class Reader:
    """The model that reads lines, and one of single digits that judges unsure ones, if there is one."""

    lines: Engine
    digits: Engine | None = None


def read(picture: Gray, reader: Reader, wanted: Wanted) -> Line:
    """The line of digits in a picture; without text, where the picture is blank or shows no digits."""
    try:
        strip = image.strip(picture)
    except UserError:
        return _refused("blank", whole(picture))
    seen = look(reader, strip.ink)
    if seen.nothing() > _NOTHING:
        return _refused("not a digit", strip.box)
    return _told(strip, seen, wanted)


def look(reader: Reader, ink: Gray) -> Seen:
    """What is seen in a strip, at as many looks as it takes; where several, its digits are judged too."""
    found = looks.look(ink, lambda strips: _score(reader.lines, strips))
    judge = reader.digits if len(found) > 1 else None
    return Seen(ink=ink, looks=found, label_names=reader.lines.card.label_names, judge=judge)


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


def _told(strip: Strip, seen: Seen, wanted: Wanted) -> Line:
    found, names = seen.read(), seen.label_names
    text, confidence = _text(found.labels, names), found.confidence
    numbers: tuple[Candidate, ...] = ()
    objection = None
    if wanted.checks is not None:
        best = candidates.best(seen, wanted.checks)
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
        digits=_digits(strip, seen.looks[0], tuple(names.index(each) for each in text), names),
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
    columns = cuts.at_frames(strip.ink, spans)
    return tuple(
        Digit(
            label=names[label],
            confidence=float(np.exp(scores[slice(*span), label].max())),
            box=strip.part(first, end),
        )
        for label, span, (first, end) in zip(labels, spans, columns, strict=True)
    )


def _refused(reason: str, box: Box) -> Line:
    return Line(text="", confidence=0.0, accepted=False, reason=reason, box=box, digits=())
