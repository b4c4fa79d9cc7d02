"""One line of digits in one picture, read along the strip without cutting it apart."""

from collections import defaultdict
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

PADDED = 64
"""Strips are brought to whole multiples of so many columns."""

_LEAST = 1e-30
_NOTHING = 0.5
_TOGETHER = 16


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
    return read_all([picture], reader, wanted)[0]


def read_all(pictures: Sequence[Gray], reader: Reader, wanted: Wanted) -> list[Line]:
    """The line of each picture, all of them looked at in one go: see `read`."""
    strips = [_strip(picture) for picture in pictures]
    seen = iter(look(reader, [strip.ink for strip in strips if strip is not None]))
    return [
        _refused("blank", whole(picture)) if strip is None else _line(strip, next(seen), wanted)
        for picture, strip in zip(pictures, strips, strict=True)
    ]


def look(reader: Reader, inks: Sequence[Gray]) -> list[Seen]:
    """What is seen in strips, at as many looks as each takes; where several, its digits are judged too."""
    names = reader.lines.card.label_names
    found = looks.look(inks, lambda strips: _score(reader.lines, strips))
    return [
        Seen(ink=ink, looks=each, label_names=names, judge=reader.digits if len(each) > 1 else None)
        for ink, each in zip(inks, found, strict=True)
    ]


def _strip(picture: Gray) -> Strip | None:
    try:
        return image.strip(picture)
    except UserError:
        return None


def _line(strip: Strip, seen: Seen, wanted: Wanted) -> Line:
    if looks.nothing(seen.looks) > _NOTHING:
        return _refused("not a digit", strip.box)
    return _told(strip, seen, wanted)


def _score(engine: Engine, strips: Sequence[Gray]) -> list[LogScores]:
    """The natural logarithm of the probabilities of each frame that each strip has."""
    found: dict[int, LogScores] = {}
    for part in _alike(strips):
        for at, scores in zip(part, _scores(engine, [strips[at] for at in part]), strict=True):
            found[at] = scores
    return [found[at] for at in range(len(strips))]


def _alike(strips: Sequence[Gray]) -> list[list[int]]:
    """Which strips to score together: few, and as long as each other once they are padded.

    A network that reads both ways sees the black behind a strip too: what it says must not depend on which
    others are on the page.
    """
    by_width: dict[int, list[int]] = defaultdict(list)
    for at, strip in enumerate(strips):
        by_width[image.padded(strip.shape[1], multiple=PADDED)].append(at)
    return [part[at : at + _TOGETHER] for part in by_width.values() for at in range(0, len(part), _TOGETHER)]


def _scores(engine: Engine, strips: Sequence[Gray]) -> list[LogScores]:
    shown = image.side_by_side(strips, multiple=PADDED)
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
