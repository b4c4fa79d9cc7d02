"""A spec proposed from a form's blank page: its boxes, combs, check boxes and lines to write on."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import UserError
from inkdigits.read.annotate import Colour
from inkdigits.read.form_spec import MOST_PARTS, N_MARKS, Area, FieldSpec, FormSpec, Kind, Mark
from inkdigits.types import Gray

_LONGEST = 2400
_DARK = 0.75

# Shares of the page's longer side; on A4, a hundredth is 3 mm.
_LEAST_SIDE, _MOST_OPTION, _LEAST_LINE = 0.0085, 0.028, 0.05
_MOST_BOX, _WRITING, _LEAST_WRITING, _THICKEST = 0.08, 0.027, 0.013, 0.004
_LEAST_MARK, _MOST_MARK, _NEAR_CORNER = 0.008, 0.05, 0.16

_RECTANGULAR, _ROUND = 0.9, 0.7
_SQUARE, _EVEN, _LEVEL, _TIGHT = 1.3, 0.15, 0.35, 0.5
_INSIDE, _PRINTED = 0.15, 0.01
_LONG_FOR_NUMBER, _SEPARATOR = 1.6, 0.7
_FAR, _ROW = 8.0, 3.0
_COLOURS: dict[Kind, tuple[int, int, int]] = {
    "number": (200, 90, 0),
    "boxes": (60, 130, 0),
    "choice": (0, 60, 200),
}


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """An empty box on the page, in working pixels; `is_round` is a circle's."""

    x: int
    y: int
    width: int
    height: int
    is_round: bool = False


def propose(blank: Gray, *, name: str, width: float, height: float, unit: str, template: Path) -> FormSpec:
    """What seem to be the fields of a blank page, named field-1, field-2, … in reading order.

    Boxes for single digits become `boxes`, small lone squares and circles in a row or column a `choice` with
    options 1, 2, …, long boxes and lines to write on a `number`. `template` is where the picture of the
    blank page is kept, which must be flat and whole. Raises UserError where nothing is to be filled in.
    """
    small = _shrunk(blank)
    dark = (small < _DARK * np.percentile(small, 80)).astype(np.uint8)
    longest = max(small.shape)
    cells = _cells(dark)
    combs, rest = _combs(cells)
    options = [cell for cell in rest if cell.is_round or _is_option(cell, longest)]
    others = [cell for cell in rest if cell not in options and cell.height <= _MOST_BOX * longest]
    long = [cell for cell in others if cell.width >= _LONG_FOR_NUMBER * cell.height]
    found: list[tuple[Kind, Sequence[_Cell]]] = [
        *(("boxes", comb) for comb in combs),
        *(("boxes", [cell]) for cell in others if cell not in long),
        *(("choice", choice) for choice in _choices(options)),
        *(("number", [cell]) for cell in (*long, *_underlines(dark))),
    ]
    if not found:
        raise UserError("the page shows nothing to fill in: no box, no check box, no line to write on")
    across, down = width / small.shape[1], height / small.shape[0]
    return FormSpec(
        name=name,
        width=width,
        height=height,
        unit=unit,
        fields=tuple(
            _field(order, kind, [_area(cell, across, down) for cell in parts[:MOST_PARTS]])
            for order, (kind, parts) in enumerate(_in_reading_order(found), 1)
        ),
        template=template,
        marks=_marks(dark, across, down),
    )


def drawn(blank: Gray, spec: FormSpec) -> Colour:
    """The blank page with the spec's fields and marks on it, for a person to check."""
    picture = np.asarray(cv2.cvtColor(blank, cv2.COLOR_GRAY2BGR), np.uint8)
    height, width = blank.shape
    scale = np.array([width / spec.width, height / spec.height])
    pen = max(1, round(max(blank.shape) / 900))
    for field in spec.fields:
        for box in field.boxes:
            _outline(picture, box, scale, _COLOURS[field.kind], pen)
        left, top = np.array([field.area.x, field.area.y]) * scale
        place = (round(left), max(round(top) - 2 * pen, 10 * pen))
        cv2.putText(
            picture, field.name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.3 * pen, _COLOURS[field.kind], pen
        )
    for mark in spec.marks:
        half = mark.size / 2
        box = Area(x=mark.x - half, y=mark.y - half, width=mark.size, height=mark.size)
        _outline(picture, box, scale, (200, 0, 200), 2 * pen)
    return picture


def _outline(
    picture: Colour,
    box: Area,
    scale: NDArray[np.float64],
    colour: tuple[int, int, int],
    pen: int,
) -> None:
    left, top = np.rint(np.array([box.x, box.y]) * scale).astype(int).tolist()
    right, bottom = np.rint(np.array([box.x + box.width, box.y + box.height]) * scale).astype(int).tolist()
    cv2.rectangle(picture, (left, top), (right, bottom), colour, pen)


def _shrunk(blank: Gray) -> Gray:
    scale = _LONGEST / max(blank.shape)
    if scale >= 1:
        return blank
    size = (round(blank.shape[1] * scale), round(blank.shape[0] * scale))
    return np.asarray(cv2.resize(blank, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cells(dark: Gray) -> list[_Cell]:
    """The empty rectangles and circles that lines enclose."""
    contours, tree = cv2.findContours(dark, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    parents = np.zeros(0, np.int64) if tree is None else np.asarray(tree, np.int64)[0, :, 3]
    found = []
    for contour, parent in zip(contours, parents, strict=True):
        x, y, width, height = cv2.boundingRect(contour)
        if parent < 0 or min(width, height) < _LEAST_SIDE * max(dark.shape):
            continue
        filled = cv2.contourArea(contour) / ((width - 1) * (height - 1))
        is_round = _ROUND <= filled < _RECTANGULAR and _is_square(width, height)
        cell = _Cell(x=x + 1, y=y + 1, width=width - 2, height=height - 2, is_round=is_round)
        if (is_round or filled >= _RECTANGULAR) and _is_empty(dark, cell):
            found.append(cell)
    return found


def _is_square(width: float, height: float) -> bool:
    return max(width, height) <= _SQUARE * min(width, height)


def _is_empty(dark: Gray, cell: _Cell) -> bool:
    """Whether nothing is printed in it; a circle or small square may hold the letter of its option."""
    if cell.is_round or _is_option(cell, max(dark.shape)):
        return True
    across, down = round(_INSIDE * cell.height), round(_INSIDE * cell.height)
    inside = dark[cell.y + down : cell.y + cell.height - down, cell.x + across : cell.x + cell.width - across]
    return bool(inside.size and inside.mean() <= _PRINTED)


def _is_option(cell: _Cell, longest: int) -> bool:
    return _is_square(cell.width, cell.height) and max(cell.width, cell.height) <= _MOST_OPTION * longest


def _combs(cells: Sequence[_Cell]) -> tuple[list[list[_Cell]], list[_Cell]]:
    """Rows of like boxes side by side, with no room for words between them, and the cells of none."""
    runs = _runs(sorted(cells, key=lambda cell: cell.x), _goes_on)
    return [run for run in runs if len(run) > 1], [run[0] for run in runs if len(run) == 1]


def _runs(cells: Iterable[_Cell], follows: Callable[[_Cell, _Cell], bool]) -> list[list[_Cell]]:
    """The cells in runs, in each of which every one follows the one before."""
    runs: list[list[_Cell]] = []
    for cell in cells:
        run = next((run for run in runs if follows(run[-1], cell)), None)
        if run is None:
            runs.append([cell])
        else:
            run.append(cell)
    return runs


def _goes_on(one: _Cell, other: _Cell) -> bool:
    gap = other.x - one.x - one.width
    digit_wide = max(one.width, other.width) <= _SQUARE * max(one.height, other.height)
    alike = not one.is_round and not other.is_round and _alike(one, other)
    return alike and digit_wide and abs(one.y - other.y) <= _EVEN * one.height and gap <= _TIGHT * one.width


def _alike(one: _Cell, other: _Cell) -> bool:
    wide = abs(one.width - other.width) <= _EVEN * max(one.width, other.width) + 1
    return wide and abs(one.height - other.height) <= _EVEN * max(one.height, other.height) + 1


def _choices(options: Sequence[_Cell]) -> list[list[_Cell]]:
    """The options that belong together: rows, and columns of those that stand in no row.

    Two columns side by side are no rows: there, the next in a row is much farther than the next below.
    """

    def in_row(one: _Cell, other: _Cell) -> bool:
        level = _alike(one, other) and abs(one.y - other.y) <= _LEVEL * one.height
        below = [each.y - one.y for each in options if each != one and _in_column(one, each)]
        return level and other.x - one.x <= min(_FAR * one.width, _ROW * min(below, default=math.inf))

    rows = _runs(sorted(options, key=lambda cell: cell.x), in_row)
    lone = sorted((row[0] for row in rows if len(row) == 1), key=lambda cell: cell.y)
    return [row for row in rows if len(row) > 1] + _runs(lone, _in_column)


def _in_column(one: _Cell, other: _Cell) -> bool:
    upright = _alike(one, other) and abs(one.x - other.x) <= _LEVEL * one.width
    return upright and 0 <= other.y - one.y <= _FAR * one.height


def _underlines(dark: Gray) -> Iterator[_Cell]:
    """The room above each lone line that has some."""
    longest = max(dark.shape)
    stats = np.asarray(cv2.connectedComponentsWithStats(dark)[2][1:], np.int64)
    for x, y, width, height, _ in stats.tolist():
        is_line = height <= max(3, _THICKEST * longest) and _LEAST_LINE * longest <= width
        if not is_line or width > _SEPARATOR * dark.shape[1]:
            continue
        top = max(0, y - round(_WRITING * longest))
        inked = np.flatnonzero(dark[top : y - 1, x : x + width].any(axis=1))
        top = top + int(inked[-1]) + 2 if len(inked) else top
        if y - top >= _LEAST_WRITING * longest:
            yield _Cell(x=x, y=top, width=width, height=y - top)


def _in_reading_order(
    found: Sequence[tuple[Kind, Sequence[_Cell]]],
) -> list[tuple[Kind, Sequence[_Cell]]]:
    """The fields in rows from the top, each from the left."""
    rows: list[list[tuple[Kind, Sequence[_Cell]]]] = []
    for each in sorted(found, key=lambda each: each[1][0].y + each[1][0].height / 2):
        first, last = each[1][0], rows[-1][0][1][0] if rows else None
        if last is not None and first.y + first.height / 2 < last.y + last.height:
            rows[-1].append(each)
        else:
            rows.append([each])
    return [each for row in rows for each in sorted(row, key=lambda each: each[1][0].x)]


def _area(cell: _Cell, across: float, down: float) -> Area:
    """The cell in page units, to a thousandth of one."""
    return Area(
        x=round(cell.x * across, 3),
        y=round(cell.y * down, 3),
        width=round(cell.width * across, 3),
        height=round(cell.height * down, 3),
    )


def _field(order: int, kind: Kind, boxes: Sequence[Area]) -> FieldSpec:
    return FieldSpec(
        name=f"field-{order}",
        kind=kind,
        boxes=tuple(boxes),
        labels=tuple(str(each) for each in range(1, len(boxes) + 1)) if kind == "choice" else (),
        length=len(boxes) if kind == "boxes" else None,
    )


def _marks(dark: Gray, across: float, down: float) -> tuple[Mark, ...]:
    """The filled mark nearest to each corner of the page; none where a corner has none."""
    _, _, stats, centres = cv2.connectedComponentsWithStats(dark)
    longest = max(dark.shape)
    found: dict[tuple[bool, bool], tuple[float, Mark]] = {}
    for (_, _, width, height, area), (x, y) in zip(
        stats[1:].tolist(), (centres[1:] + 0.5).tolist(), strict=True
    ):
        right, below = x > dark.shape[1] / 2, y > dark.shape[0] / 2
        far = math.hypot(x - right * dark.shape[1], y - below * dark.shape[0]) / longest
        sized = _LEAST_MARK * longest <= min(width, height) <= max(width, height) <= _MOST_MARK * longest
        filled = area / (width * height)
        if sized and filled >= _ROUND and _is_square(width, height) and far <= _NEAR_CORNER:
            size = (width * across + height * down) / 2
            shape = "square" if filled >= _RECTANGULAR else "disc"
            mark = Mark(x=round(x * across, 3), y=round(y * down, 3), size=round(size, 3), shape=shape)
            found[right, below] = min(
                (far, mark), found.get((right, below), (math.inf, mark)), key=lambda each: each[0]
            )
    return tuple(mark for _, mark in found.values()) if len(found) == N_MARKS else ()
