"""The fields of a form in a picture of its filled page: read, or refused with the reason, one by one."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits import image
from inkdigits.read import checks, digits, form_spec, numbers, outlines, registration
from inkdigits.read.engine import Engine
from inkdigits.read.flattening import Homography, Points, corners_of, flat, projected
from inkdigits.read.form_spec import Area, FieldSpec, Kind
from inkdigits.read.numbers import Wanted
from inkdigits.read.registration import Form
from inkdigits.types import Box, Digit, Field, Gray, Line

UNREAD = "?"
"""What stands in a field's text for a box whose content can't be read."""

MARKED, UNMARKED = 0.07, 0.03
"""The share of an option's inside that ink covers, from which on it is marked, and up to which it isn't."""

_HEIGHT = 96
_AROUND = 1 / 16
_OPTION_SIDE, _INSIDE = 64, 0.34
_INKED, _PRINTED = 0.2, 0.12
_SPREAD, _RIM = 3, 7
_STEEPNESS = 150.0
_SOFT, _WIDEST_STROKE = 1.5, 25
_WITHIN, _FAINT, _LEAST_STROKE = 0.15, 0.07, 40


@dataclass(frozen=True, kw_only=True)
class Readers:
    """The models that read lines and single digits, and from which confidence on each is believed.

    `least_digit` tells it for each of so many digits that have to be right together, and `least_boxes` how
    probable it has to be that they all are.
    """

    number: Engine
    digit: Engine
    least_number: float
    least_digit: Callable[[int], float]
    least_boxes: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sheet:
    """A registered page: its picture, the form, and the map from page units to pixels."""

    picture: Gray
    form: Form
    to_picture: Homography


@dataclass(frozen=True, kw_only=True, eq=False)
class _Place:
    """The map from page units to pixels around one box, and whether the box was seen there."""

    to_picture: Homography
    is_seen: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cut:
    """A part of the page laid flat, without the template's print, and its map to pixels of the picture."""

    view: Gray
    to_picture: Homography


def load(path: Path) -> Form:
    """The form of a spec file, with its template decoded; raises UserError for what is wrong in either."""
    spec = form_spec.load(path)
    return registration.prepare(spec, None if spec.template is None else image.decode(spec.template))


def read(picture: Gray, form: Form, readers: Readers) -> tuple[Field, ...]:
    """Every field of the form, in the spec's order; raises UserError where the page isn't the form's."""
    found = registration.register(picture, form)
    sheet = _Sheet(picture=picture, form=form, to_picture=found.to_picture)
    return tuple(_field(sheet, spec, readers) for spec in form.spec.fields)


def _field(sheet: _Sheet, spec: FieldSpec, readers: Readers) -> Field:
    corners = np.concatenate([corners_of(box) for box in spec.boxes])
    places = projected(sheet.to_picture, corners)
    field = Field(
        name=spec.name,
        kind=spec.kind,
        text="",
        confidence=0.0,
        accepted=False,
        reason="outside the picture",
        box=_box_around(places),
        digits=(),
    )
    height, width = sheet.picture.shape
    if places.min() < 0 or (places > [width, height]).any():
        return field
    return _READS[spec.kind](sheet, spec, readers, field)


def _number(sheet: _Sheet, spec: FieldSpec, readers: Readers, field: Field) -> Field:
    cut = _cut(sheet, spec.boxes[0])
    if _is_blank(cut.view):
        return replace(field, reason="blank")
    known = form_spec.all_checks(spec)
    wanted = Wanted(least_confidence=readers.least_number, checks=checks.parse(known) if known else None)
    line = numbers.read(cut.view, numbers.Reader(lines=readers.number, digits=readers.digit), wanted)
    return replace(
        field,
        text=line.text,
        confidence=line.confidence,
        accepted=line.accepted,
        reason=line.reason,
        digits=_placed(line, cut),
        candidates=line.candidates,
    )


def _boxes(sheet: _Sheet, spec: FieldSpec, readers: Readers, field: Field) -> Field:
    cuts = [_cut(sheet, box) for box in spec.boxes]
    written = [order for order, cut in enumerate(cuts) if not _is_blank(cut.view)]
    views = [cuts[order].view for order in written]
    found = digits.read_all(
        views,
        readers.digit,
        readers.least_digit(max(1, len(views))),
        none_odds=digits.IN_CELLS,
        bright_ink=False,
    )
    lines = dict(zip(written, found, strict=True))
    text = "".join(line.text or UNREAD for line in found)
    confidence = math.prod(line.confidence if line.text else 0.0 for line in found) if found else 0.0
    reason = _fault(lines)
    if reason is None and confidence < readers.least_boxes:
        reason = "unsure"
    if reason is None and spec.checks:
        reason = checks.objection(checks.parse(spec.checks), text)
    return replace(
        field,
        text=text,
        confidence=confidence,
        accepted=reason is None,
        reason=reason,
        digits=tuple(digit for order, line in lines.items() for digit in _placed(line, cuts[order])),
    )


def _fault(lines: Mapping[int, Line]) -> str | None:
    """Why boxes can't be believed, naming one as counted from 1; `lines` are those of the written ones."""
    if not lines:
        return "blank"
    for order in range(min(lines), max(lines) + 1):
        if order not in lines:
            return f"box {order + 1}: blank, between others"
        if not lines[order].accepted:
            return f"box {order + 1}: {lines[order].reason}"
    return None


def _choice(sheet: _Sheet, spec: FieldSpec, _: Readers, field: Field) -> Field:
    places = [_place(sheet, box) for box in spec.boxes]
    shares = [_inked(sheet, box, place) for box, place in zip(spec.boxes, places, strict=True)]
    told = list(zip(spec.labels, shares, places, strict=True))
    marked = [label for label, share, _ in told if share >= MARKED]
    unclear = [label for label, share, _ in told if UNMARKED < share < MARKED]
    unseen = [label for label, share, place in told if share <= UNMARKED and not place.is_seen]
    reason = None
    if unclear:
        reason = f"unsure whether '{unclear[0]}' is marked"
    elif unseen:
        reason = f"option '{unseen[0]}' isn't seen"
    elif len(marked) != 1:
        reason = f"{len(marked)} options are marked" if marked else "no option is marked"
    middle = (MARKED + UNMARKED) / 2
    return replace(
        field,
        text=", ".join(marked),
        confidence=math.prod(1 / (1 + math.exp(-_STEEPNESS * abs(share - middle))) for share in shares),
        accepted=reason is None,
        reason=reason,
    )


_READS: dict[Kind, Callable[[_Sheet, FieldSpec, Readers, Field], Field]] = {
    "number": _number,
    "boxes": _boxes,
    "choice": _choice,
}


def _cut(sheet: _Sheet, box: Area) -> _Cut:
    """A box with a sixteenth of its height around it, for its lines to be seen whole, at 96 pixels high."""
    scale = _HEIGHT / box.height
    wide = box.widened(_AROUND * box.height)
    place = _place(sheet, box)
    view = flat(sheet.picture, place.to_picture, wide, scale=scale)
    printed = _printed(sheet, wide, view.shape, scale=scale)
    if sheet.form.template is None and place.is_seen:
        corners = corners_of(box) - [wide.x, wide.y]
        cv2.polylines(printed, [np.rint(corners * scale).astype(np.int32)], True, 1, _RIM)
    if printed.any():
        view = np.asarray(cv2.inpaint(view, printed, _SPREAD, cv2.INPAINT_TELEA), np.uint8)
    to_page = np.array([[1 / scale, 0, wide.x], [0, 1 / scale, wide.y], [0, 0, 1]])
    return _Cut(view=view, to_picture=place.to_picture @ to_page)


def _place(sheet: _Sheet, box: Area) -> _Place:
    """The page's map, moved to where the box is really printed, if that is seen: paper bends."""
    blank = None if sheet.form.template is None else sheet.form.template.blank
    found = outlines.find(sheet.picture, sheet.to_picture, box, blank)
    if found.alike < outlines.LEAST_ALIKE:
        return _Place(to_picture=sheet.to_picture, is_seen=False)
    moved = np.array([[1, 0, found.x], [0, 1, found.y], [0, 0, 1]])
    return _Place(to_picture=np.asarray(sheet.to_picture @ moved, np.float64), is_seen=True)


def _printed(sheet: _Sheet, area: Area, shape: tuple[int, ...], *, scale: float) -> NDArray[np.uint8]:
    """What the template has printed in a view of the page, of that shape: 1, else 0."""
    if sheet.form.template is None:
        return np.zeros(shape, np.uint8)
    blank = sheet.form.template.blank
    ink = _ink(flat(blank.picture, blank.to_picture, area, scale=scale), widest=_HEIGHT) > _PRINTED
    return np.asarray(cv2.dilate(ink.astype(np.uint8), np.ones((_SPREAD, _SPREAD), np.uint8)), np.uint8)


def _inked(sheet: _Sheet, box: Area, place: _Place) -> float:
    """The share of an option's inside that is covered by ink which isn't the template's."""
    side = min(box.width, box.height)
    scale = _OPTION_SIDE / side
    wide = box.widened(side / 2)
    view = flat(sheet.picture, place.to_picture, wide, scale=scale)
    ink = _ink(view, widest=1.25 * _OPTION_SIDE) > _INKED
    printed = _printed(sheet, wide, view.shape, scale=scale) > 0
    rows, columns = (np.arange(length) + 0.5 - length / 2 for length in view.shape)
    inside = (rows[:, np.newaxis] / (scale * box.height)) ** 2 + (columns / (scale * box.width)) ** 2
    seen = (inside <= _INSIDE**2) & ~printed
    return float(ink[seen].mean()) if seen.any() else 0.0


def _is_blank(view: Gray) -> bool:
    """Whether no ink of the size of a stroke is well inside a box's view: its frame doesn't count."""
    ink = _ink(view, widest=_WIDEST_STROKE)
    margin = round(_WITHIN * min(view.shape))
    inside = ink[margin:-margin, margin:-margin]
    inked = (inside > _FAINT + min(_FAINT, 3 * float(np.percentile(inside, 20)))).astype(np.uint8)
    sizes = cv2.connectedComponentsWithStats(inked)[2][1:, cv2.CC_STAT_AREA]
    return not (sizes >= _LEAST_STROKE).any()


def _ink(view: Gray, *, widest: float) -> NDArray[np.float32]:
    """The share of the paper's light that ink swallows; what is wider than `widest` pixels is a shadow."""
    soft = cv2.GaussianBlur(view, (0, 0), _SOFT)
    side = 2 * round(widest / 2) + 1
    paper = cv2.morphologyEx(soft, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return np.asarray(1 - soft / np.maximum(paper, np.float32(1)), np.float32)


def _placed(line: Line, cut: _Cut) -> tuple[Digit, ...]:
    """The line's digits with their boxes in the picture."""
    return tuple(
        replace(digit, box=_box_around(projected(cut.to_picture, _corners(digit.box))))
        for digit in line.digits
    )


def _corners(box: Box) -> Points:
    return corners_of(Area(x=box.x, y=box.y, width=box.width, height=box.height))


def _box_around(points: Points) -> Box:
    """The smallest box of whole pixels around points."""
    left, top = np.floor(points.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(points.max(axis=0)).astype(int).tolist()
    return Box(x=left, y=top, width=right - left, height=bottom - top)
