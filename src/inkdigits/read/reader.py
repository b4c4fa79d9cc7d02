"""What `inkdigits read` does with a picture: one way of reading, chosen once, for any number of files."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inkdigits import image, weights
from inkdigits.errors import ArgumentError, UserError
from inkdigits.read import digits, engine, grids, numbers, pages
from inkdigits.read.checks import Checks
from inkdigits.read.engine import Engine
from inkdigits.read.numbers import Wanted
from inkdigits.types import Document, Gray, Page

KINDS = ("auto", "digit", "number", "grid")
"""What a picture may show: lines of digits anywhere on it; one digit; one number; a grid of cells."""

_OF_LINES = ("auto", "number")


@dataclass(frozen=True, kw_only=True)
class Order:
    """How pictures are to be read: small, so that it can be sent to other processes."""

    kind: str = "auto"
    model: Path | None = None
    max_error: float = 0.005
    checks: Checks | None = None
    threads: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ArgumentError(f"unknown kind {self.kind!r}; one of: {', '.join(KINDS)}")
        if self.checks is not None and self.kind not in _OF_LINES:
            raise ArgumentError(f"checks are for numbers, but --as is {self.kind}")


Reader = Callable[[Gray], Page]
"""Reads one page. Raises UserError where the page isn't of the kind."""


def build(order: Order) -> Reader:
    """The reader that an order asks for, with its model loaded. Raises UserError where that can't be."""
    model = _model(order)
    least = least_confidence(model, order.max_error)
    wanted = Wanted(least_confidence=least, checks=order.checks)
    match order.kind:
        case "digit":
            return lambda picture: Page(lines=(digits.read(picture, model, least),))
        case "number":
            return lambda picture: Page(lines=(numbers.read(picture, model, wanted),))
        case "grid":
            return lambda picture: grids.read(picture, model, least)
    return lambda picture: pages.read(picture, model, wanted)


def read(path: Path, reader: Reader) -> Document:
    """What a file says, page by page; what can't be read says why, and is no exception."""
    try:
        found = tuple(_pages(path, reader))
        errors = [page.error for page in found]
        return Document(file=str(path), error=errors[0] if all(errors) and errors else None, pages=found)
    except UserError as error:
        return Document(file=str(path), error=str(error), pages=())


def _pages(path: Path, reader: Reader) -> Iterator[Page]:
    for page in image.pages(path):
        if isinstance(page, UserError):
            yield Page(lines=(), error=str(page))
            continue
        try:
            yield reader(page)
        except UserError as error:
            yield Page(lines=(), error=str(error))


def _model(order: Order) -> Engine:
    of_lines = order.kind in _OF_LINES
    if order.model is None:
        name = "number" if of_lines else "reader"
        return engine.load(weights.content(name), name=name, threads=order.threads)
    loaded = engine.load(order.model, threads=order.threads)
    if loaded.card.reads_lines != of_lines:
        does = "reads lines" if loaded.card.reads_lines else "tells single digits"
        fitting = "auto or number" if loaded.card.reads_lines else "digit or grid"
        raise ArgumentError(f"{order.model} {does}: read with it as {fitting}, not as {order.kind}")
    return loaded


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
