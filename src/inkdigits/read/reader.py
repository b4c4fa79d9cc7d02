"""What `inkdigits read` does with a picture: one way of reading, chosen once, for any number of files."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inkdigits import image
from inkdigits.card import NONE
from inkdigits.errors import ArgumentError, UserError
from inkdigits.read import digits, engine, forms, grids, numbers, pages
from inkdigits.read.checks import Checks
from inkdigits.read.engine import Engine
from inkdigits.read.forms import Readers
from inkdigits.read.numbers import Wanted
from inkdigits.types import Document, Field, Gray, Images, Line, Page

KINDS = ("auto", "digit", "number", "grid", "form")
"""What a page may show: lines of digits anywhere; one digit; one number; a grid of cells; a form's fields."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".pdf")
"""The files of a folder that are read, unless they are hidden."""

_OF_LINES = ("auto", "number")
_SEVERAL, _WIDE = 0.5, 1.2


@dataclass(frozen=True, kw_only=True)
class Order:
    """How pictures are to be read: small, so that it can be sent to other processes."""

    kind: str = "auto"
    model: Path | None = None
    max_error: float = 0.005
    checks: Checks | None = None
    form: Path | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ArgumentError(f"unknown kind {self.kind!r}; one of: {', '.join(KINDS)}")
        if self.checks is not None and self.kind not in _OF_LINES:
            raise ArgumentError(f"checks are for numbers, but --as is {self.kind}")
        if (self.form is None) == (self.kind == "form"):
            raise ArgumentError(
                "--as form needs the form's spec, and a spec needs it: --as form --form SPEC.json"
            )
        if self.kind == "form" and self.model is not None:
            raise ArgumentError("a form is read by the models that ship: leave out --model")


Reader = Callable[[Gray], Page]
"""Reads one page. Raises UserError where the page isn't of the kind."""

OnPage = Callable[[int, Gray, Page], None]
"""What is done with each page that was read: its number from 1, its picture, and what it says."""


@dataclass(frozen=True, kw_only=True)
class Models:
    """What reads: a model of single digits, and how to come by the one of lines, which not all need."""

    digits: Engine
    lines: Callable[[], Engine]


def build(order: Order) -> Reader:
    """The reader that an order asks for, with its model loaded. Raises UserError where that can't be."""
    if order.form is not None:
        return _form(order.form, order)
    of_lines = order.kind in _OF_LINES
    given = None if order.model is None else _given(order)
    digit = given if given and not of_lines else _shipped("reader", order)
    lines = functools.cache(lambda: given if given and of_lines else _shipped("number", order))
    return reading(
        order.kind, Models(digits=digit, lines=lines), max_error=order.max_error, checks=order.checks
    )


def reading(kind: str, models: Models, *, max_error: float, checks: Checks | None = None) -> Reader:
    """How pages of a kind, other than forms, are read with some models."""
    if kind == "digit":
        return lambda picture: single_digits([picture], models, max_error=max_error)[0]
    if kind == "grid":
        least = least_confidence(models.digits, max_error)
        return lambda picture: grids.read(picture, models.digits, least)
    lines = models.lines()
    of_lines = numbers.Reader(lines=lines, digits=models.digits)
    wanted = Wanted(least_confidence=least_confidence(lines, max_error), checks=checks)
    if kind == "number":
        return lambda picture: Page(lines=(numbers.read(picture, of_lines, wanted),))
    return lambda picture: pages.read(picture, of_lines, wanted)


def single_digits(pictures: Sequence[Gray], models: Models, *, max_error: float) -> list[Page]:
    """The page of each picture of one digit, all of them scored in one go.

    What isn't a digit, or is wide, is looked at by the model of lines: it may be several.
    """
    found = digits.read_all(pictures, models.digits, least_confidence(models.digits, max_error))
    return [
        Page(lines=(_unless_several(line, picture, models),))
        for line, picture in zip(found, pictures, strict=True)
    ]


def _unless_several(line: Line, picture: Gray, models: Models) -> Line:
    height, width = picture.shape
    is_unclear = line.reason == "not a digit" or (line.text and width > _WIDE * height)
    if is_unclear and _are_several(picture, numbers.Reader(lines=models.lines())):
        return replace(line, text="", accepted=False, reason="several digits", digits=())
    return line


def _form(path: Path, order: Order) -> Reader:
    form = forms.load(path)
    number, digit = (_shipped(name, order) for name in ("number", "reader"))
    readers = Readers(
        number=number,
        digit=digit,
        least_number=least_confidence(number, order.max_error),
        least_digit=lambda n: _least_of_each(digit, order.max_error, n),
        least_boxes=1 - order.max_error,
    )

    def read(picture: Gray) -> Page:
        fields = forms.read(picture, form, readers)
        return Page(lines=tuple(_as_line(field) for field in fields), fields=fields)

    return read


def _least_of_each(digit: Engine, error_rate: float, n: int) -> float:
    """From which confidence on each of n digits, so that all are right but for that rate.

    Where the card knows no threshold for so low a rate of each, it is the strictest that it knows; that the
    product of their confidences has to be high enough too does the rest.
    """
    lowest = min(map(float, digit.card.thresholds), default=0.0)
    return least_confidence(digit, max(error_rate / n, lowest))


def _as_line(field: Field) -> Line:
    values = {each.name: getattr(field, each.name) for each in dataclasses.fields(Line)}
    return Line(**values)


def _shipped(name: str, order: Order) -> Engine:
    return engine.shipped(name, threads=order.threads)


def several(images: Images) -> list[int]:
    """Which of some digit images show several digits, as the models that ship read them: their rows."""
    if not len(images):
        return []
    order = Order()
    digit = _shipped("reader", order)
    of_lines = numbers.Reader(lines=_shipped("number", order))
    none = digit.classify(images).argmax(axis=1) == digit.card.label_names.index(NONE)
    return [row for row in np.flatnonzero(none).tolist() if _are_several(images[row], of_lines)]


def _are_several(picture: Gray, of_lines: numbers.Reader) -> bool:
    line = numbers.read(picture, of_lines, Wanted(least_confidence=_SEVERAL))
    return line.accepted and len(line.text) > 1


def read(
    path: Path, reader: Reader, *, on_page: OnPage | None = None, first: int = 0, end: int | None = None
) -> Document:
    """What a file says, page by page; what can't be read says why, and is no exception.

    All pages, or those from `first`, counted from 0, to before `end`.
    """
    try:
        _refuse_folder(path)
        pictures = enumerate(image.pages(path, first=first, end=end), first + 1)
        return document(str(path), pages_of(pictures, reader, on_page))
    except UserError as error:
        return Document(file=str(path), error=str(error), pages=())


def document(file: str, pages: Iterable[Page]) -> Document:
    """The document of some pages, which has an error where none of them could be read."""
    found = tuple(pages)
    errors = [page.error for page in found]
    return Document(file=file, error=errors[0] if all(errors) and errors else None, pages=found)


def _refuse_folder(path: Path) -> None:
    """Raises UserError for a folder, and for a path that can't even be looked at."""
    try:
        if path.is_dir():
            next(path.iterdir(), None)
            raise UserError(f"{path} holds no pictures; it should: {', '.join(SUFFIXES)}")
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror})") from error


def pages_of(
    pictures: Iterable[tuple[int, Gray | UserError]], reader: Reader, on_page: OnPage | None = None
) -> Iterator[Page]:
    """What each page says, which are numbered from 1; what can't be read says why."""
    for number, picture in pictures:
        if isinstance(picture, UserError):
            yield Page(lines=(), error=str(picture))
            continue
        try:
            height, width = picture.shape
            page = replace(reader(picture), width=width, height=height)
        except UserError as error:
            yield Page(lines=(), error=str(error))
            continue
        if on_page is not None:
            on_page(number, picture, page)
        yield page


def _given(order: Order) -> Engine:
    """The model that an order names. Raises ArgumentError where it doesn't fit the kind."""
    assert order.model is not None
    of_lines = order.kind in _OF_LINES
    loaded = engine.load(order.model, threads=order.threads)
    if loaded.card.reads_lines != of_lines:
        does = "reads lines" if loaded.card.reads_lines else "tells single digits"
        fitting = "auto or number" if loaded.card.reads_lines else "digit or grid"
        raise ArgumentError(f"{order.model} {does}: read with it as {fitting}, not as {order.kind}")
    return loaded


def knows_thresholds(order: Order) -> bool:
    """Whether the model of an order says which of its answers are sure; else none is accepted."""
    return order.model is None or bool(engine.load(order.model, threads=1).card.thresholds)


def least_confidence(engine: Engine, error_rate: float) -> float:
    """From which confidence on answers are accepted: the card's threshold for the rate, or a lower one.

    Of a rate below all that the card knows, the lowest one's threshold; and an answer has to be as probable
    as that rate asks. Infinite for a model without thresholds: nobody knows which of its answers are sure.
    """
    if not engine.card.thresholds:
        return math.inf
    known = sorted((float(rate), confidence) for rate, confidence in engine.card.thresholds.items())
    kept = [confidence for rate, confidence in known if rate <= error_rate]
    return kept[-1] if kept else max(known[0][1], 1 - error_rate)
