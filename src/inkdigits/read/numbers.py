"""One line of digits in one picture, read along the strip without cutting it apart."""

import itertools
from dataclasses import dataclass

import numpy as np

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.image import Strip
from inkdigits.read import candidates, ctc
from inkdigits.read.checks import Checks
from inkdigits.read.ctc import LogScores
from inkdigits.read.engine import Engine
from inkdigits.types import Box, Candidate, Digit, Gray, Line

_LEAST = 1e-30


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
        whole = Box(x=0, y=0, width=picture.shape[1], height=picture.shape[0])
        return _refused("blank", whole)
    scores = score(engine, strip)
    if scores[:, -1].sum() > np.log(0.5):
        return _refused("not a digit", strip.box)
    return _told(strip, scores, engine.card.label_names, wanted)


def score(engine: Engine, strip: Strip) -> LogScores:
    """The natural logarithm of the probabilities of each frame that the strip has."""
    together = image.side_by_side([strip.ink])
    frames = image.n_frames(strip.ink.shape[1])
    return np.log(np.maximum(engine.classify(together)[0, :frames].astype(np.float64), _LEAST))


def _told(strip: Strip, scores: LogScores, names: tuple[str, ...], wanted: Wanted) -> Line:
    found = ctc.read(scores)
    text, confidence = _text(found.labels, names), found.confidence
    numbers: tuple[Candidate, ...] = ()
    objection = None
    if wanted.checks is not None:
        best = candidates.best(scores, names, wanted.checks)
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
        digits=_digits(strip, scores, tuple(names.index(each) for each in text), names),
        candidates=numbers,
    )


def _text(labels: tuple[int, ...], names: tuple[str, ...]) -> str:
    return "".join(names[label] for label in labels)


def _digits(
    strip: Strip, scores: LogScores, labels: tuple[int, ...], names: tuple[str, ...]
) -> tuple[Digit, ...]:
    """Each digit's box: the ink between the middles of the gaps to its neighbours' frames."""
    spans = ctc.align(scores, labels)
    starts, ends = (np.array(each, np.float64) for each in zip(*spans, strict=True))
    between = (ends[:-1] + starts[1:]) / 2
    bounds = [0.0, *(image.COLUMNS * between - image.MARGIN), float(strip.ink.shape[1])]
    return tuple(
        Digit(
            label=names[label],
            confidence=float(np.exp(scores[slice(*span), label].max())),
            box=strip.part(first, end),
        )
        for label, span, (first, end) in zip(labels, spans, itertools.pairwise(bounds), strict=True)
    )


def _refused(reason: str, box: Box) -> Line:
    return Line(text="", confidence=0.0, accepted=False, reason=reason, box=box, digits=())
