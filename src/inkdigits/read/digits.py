"""One digit in one picture: read, or refused with the reason."""

import math

import numpy as np

from inkdigits import image
from inkdigits.card import NONE
from inkdigits.errors import ArgumentError, UserError
from inkdigits.read.engine import Engine
from inkdigits.types import Box, Digit, Gray, Line


def least_confidence(engine: Engine, error_rate: float) -> float:
    """From which confidence on answers are accepted: the card's threshold for the rate, or a lower one.

    Infinite for a model without thresholds: nobody knows which of its answers are sure. Raises ArgumentError
    for a rate below all that the card knows.
    """
    if not engine.card.thresholds:
        return math.inf
    known = sorted((float(rate), confidence) for rate, confidence in engine.card.thresholds.items())
    kept = [confidence for rate, confidence in known if rate <= error_rate]
    if not kept:
        rates = ", ".join(f"{rate:g}" for rate, _ in known)
        raise ArgumentError(f"max-error is {error_rate:g}, but the model knows thresholds for: {rates}")
    return float(kept[-1])


def read(picture: Gray, engine: Engine, least_confidence: float) -> Line:
    """The line with the picture's one digit; with none, where the picture is blank or shows no digit."""
    whole = Box(x=0, y=0, width=picture.shape[1], height=picture.shape[0])
    try:
        ink, box = image.find_digit(picture)
    except UserError:
        return _refused("blank", whole, confidence=0.0)
    names = engine.card.label_names
    scores = dict(zip(names, engine.classify(ink[np.newaxis])[0].tolist(), strict=True))
    none = scores.pop(NONE, 0.0)
    label = max(scores, key=scores.__getitem__)
    confidence = scores[label]
    if none > confidence:
        return _refused("not a digit", box, confidence=confidence)
    accepted = confidence >= least_confidence
    return Line(
        text=label,
        confidence=confidence,
        accepted=accepted,
        reason=None if accepted else "unsure",
        box=box,
        digits=(Digit(label=label, confidence=confidence, box=box),),
    )


def _refused(reason: str, box: Box, *, confidence: float) -> Line:
    return Line(text="", confidence=confidence, accepted=False, reason=reason, box=box, digits=())
