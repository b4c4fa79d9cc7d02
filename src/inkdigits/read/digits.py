"""One digit in one picture: read, or refused with the reason."""

from collections.abc import Sequence

import numpy as np

from inkdigits import image
from inkdigits.card import NONE
from inkdigits.errors import UserError
from inkdigits.image.boxes import whole
from inkdigits.read.engine import Engine
from inkdigits.types import Box, Digit, Gray, Line, Scores

IN_CELLS = 0.1
"""`none_odds` in the cells of grids and the boxes of forms, which people rarely fill with anything else."""


def read(picture: Gray, engine: Engine, least_confidence: float) -> Line:
    """The line with the picture's one digit; with none, where the picture is blank or shows no digit."""
    return read_all([picture], engine, least_confidence)[0]


def read_all(
    pictures: Sequence[Gray],
    engine: Engine,
    least_confidence: float,
    *,
    none_odds: float = 1.0,
    bright_ink: bool | None = None,
) -> list[Line]:
    """The line of each picture, of all that are not blank in one go: see `read`.

    `bright_ink` is that of `image.find_digit`. `none_odds` says how many times as often a picture is none
    here as where the model learnt, all else being equal: see `IN_CELLS`. The scores are brought from the one
    to the other by Bayes's rule (Saerens et al., "Adjusting the outputs of a classifier to new a priori
    probabilities", 2002).
    """
    found = [_found(picture, bright_ink=bright_ink) for picture in pictures]
    inked = np.array([ink for ink, _ in found if ink is not None], np.uint8)
    scores = iter(engine.classify(inked) if len(inked) else ())
    return [
        _refused("blank", box, confidence=0.0)
        if ink is None
        else _told(next(scores), engine.card.label_names, box, least_confidence, none_odds)
        for ink, box in found
    ]


def _found(picture: Gray, *, bright_ink: bool | None) -> tuple[Gray | None, Box]:
    """The digit image and where it is; None of a blank picture, and the whole of it."""
    try:
        return image.find_digit(picture, bright_ink=bright_ink)
    except UserError:
        return None, whole(picture)


def _told(row: Scores, names: tuple[str, ...], box: Box, least_confidence: float, none_odds: float) -> Line:
    odds = {name: none_odds if name == NONE else 1.0 for name in names}
    weights = {name: odds[name] * score for name, score in zip(names, row.tolist(), strict=True)}
    total = sum(weights.values())
    scores = {name: weight / total for name, weight in weights.items()}
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
