"""The numbers that a line may say, where checks are known: by the scores and the checks together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import ArgumentError
from inkdigits.read.beam import Text
from inkdigits.read.checks import Checks, objection
from inkdigits.read.seen import Seen
from inkdigits.types import Candidate

EXCEPTIONS = 0.01
"""How many of the numbers met break what was said of them: miscopied, misplaced, missing in the list."""

N_SHOWN = 4
"""The best match and the three next."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The likeliest numbers that hold, best first: none to `N_SHOWN`.

    `explained` is the probability, by the scores alone, that the line says one that holds. Where it is below
    `EXCEPTIONS`, something else is written there, and none should be accepted: `reason` then says what is
    wrong with what is read without checks. It is None otherwise, and where that holds too.
    """

    numbers: tuple[Candidate, ...]
    explained: float
    reason: str | None


def best(seen: Seen, checks: Checks) -> Candidates:
    """The numbers that hold and explain the line best.

    With a list each of its numbers is weighed, else what `Seen.likeliest` finds; their probabilities are
    exact. The confidence is the probability that the number is right, where the checks are believed but not
    blindly: digits that break them count e / (1 - e) of what the scores give them, e being `EXCEPTIONS`. For
    a number of probability P that makes P / (1 - B + B·e / (1 - e)), B being the probability of all digits
    that break the checks. So it isn't the share among those that hold: the only number of a list gets 0.99
    for P = 0.5, and 0.09 for P = 0.001. Without checks it is P. Texts that the search missed count in full
    against the number, and so does the empty line, since a field left empty breaks no check.

    Raises ArgumentError where a listed number has a digit that the model doesn't tell.
    """
    weigh = _listed if checks.allowed else _searched
    texts, weights, breaking = weigh(seen, checks)
    order = np.argsort(-weights, kind="stable")[:N_SHOWN]
    whole = 1 - breaking + breaking * EXCEPTIONS / (1 - EXCEPTIONS)
    explained = min(1.0, float(weights.sum()))
    unchecked = _text(seen.read().labels, seen.label_names)
    return Candidates(
        numbers=tuple(
            Candidate(
                text=texts[at],
                probability=min(1.0, float(weights[at])),
                confidence=min(1.0, float(weights[at]) / whole),
            )
            for at in order
        ),
        explained=explained,
        reason=objection(checks, unchecked) if explained < EXCEPTIONS else None,
    )


def probabilities(seen: Seen, numbers: Sequence[str]) -> NDArray[np.float64]:
    """The probability of each number, float64 (n,).

    Raises ArgumentError where a number has a digit that the model doesn't tell.
    """
    place = {name: at for at, name in enumerate(seen.label_names)}
    unknown = sorted(set("".join(numbers)) - place.keys())
    if unknown:
        raise ArgumentError(
            f"the list has the digit {unknown[0]}, but the model tells: {', '.join(seen.label_names)}"
        )
    return seen.probabilities([tuple(place[digit] for digit in number) for number in numbers])


_Weighed = tuple[Sequence[str], NDArray[np.float64], float]
"""Texts that hold, their probabilities, and the probability of all digits that break the checks."""


def _listed(seen: Seen, checks: Checks) -> _Weighed:
    found = probabilities(seen, checks.allowed)
    return checks.allowed, found, max(0.0, 1 - float(found.sum()) - seen.nothing())


def _searched(seen: Seen, checks: Checks) -> _Weighed:
    labels = [each for each in seen.likeliest() if each]
    texts = [_text(each, seen.label_names) for each in labels]
    found = seen.probabilities(labels)
    held = np.array([objection(checks, text) is None for text in texts], np.bool_)
    breaking = min(1.0, float(found[~held].sum()))
    return [text for text, whether in zip(texts, held, strict=True) if whether], found[held], breaking


def _text(labels: Text, label_names: tuple[str, ...]) -> str:
    return "".join(label_names[label] for label in labels)
