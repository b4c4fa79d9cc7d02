"""What is no digit, shown to a model that is judged."""

import sys
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from inkdigits.cli import bars
from inkdigits.cli.subjects import Subject
from inkdigits.data.strangers import strangers
from inkdigits.evaluate.unseen import Kind, unseen
from inkdigits.read import reader
from inkdigits.read.engine import Engine
from inkdigits.types import Dataset, Scores

ERROR_RATE = 0.005
"""The threshold is the one for this share of wrong answers, which reading keeps to by default."""


def kinds(model: Subject, digits: Dataset, scores: Scores, *, learnt: Collection[str]) -> tuple[Kind, ...]:
    """How well the model tells every kind at hand from the digits, by its scores of those.

    Sets that it has learnt from are left out, and those that aren't at hand, with a sentence each.
    """
    found = strangers(digits, learnt={digits.name, *learnt})
    for sentence in found.lacking:
        print(sentence, file=sys.stderr)
    with bars.parts_done("showing what is no digit") as progress:
        return unseen(
            model.classify,
            found.kinds,
            known=digits,
            scores=scores,
            threshold=_threshold(model),
            progress=progress,
        )


def told(kind: Kind) -> dict[str, Any]:
    """The kind as plain values: its figures, without the images."""
    return {name: value for name, value in asdict(kind).items() if name != "surest"}


def _threshold(model: Subject) -> float | None:
    if not model.card.thresholds:
        return None
    return reader.least_confidence(Engine(classify=model.classify, card=model.card), ERROR_RATE)
