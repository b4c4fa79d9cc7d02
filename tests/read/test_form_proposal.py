"""The boxes, combs, check boxes and lines of a blank page are proposed as the fields that they look like."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from inkdigits.errors import UserError
from inkdigits.read import form_proposal, form_spec, registration
from inkdigits.read.form_spec import Area, FormSpec
from inkdigits.types import Gray

PER_MM = 8
WIDTH, HEIGHT = 210, 297

BOXES = [Area(x=40 + 8 * n, y=30, width=8, height=9) for n in range(9)]
APART = [Area(x=40 + 9 * n, y=50, width=6.5, height=8) for n in range(6)]
LONE = Area(x=150, y=50, width=7, height=9)
AMOUNT = Area(x=40, y=70, width=60, height=10)
ACROSS = [Area(x=40 + 22 * n, y=95, width=4, height=4) for n in range(4)]
DOWN = [Area(x=40, y=115 + 9 * n, width=4, height=4) for n in range(3)]
ROUND = [Area(x=120 + 8 * n, y=120, width=5, height=5) for n in range(5)]
LINE = (40, 170, 55)
TABLE = [
    [Area(x=110 + 25 * column, y=180 + 9 * row, width=25, height=9) for column in range(2)]
    for row in range(3)
]


def pixels(x: float, y: float) -> tuple[int, int]:
    return round(x * PER_MM), round(y * PER_MM)


def outline(page: Gray, box: Area) -> None:
    cv2.rectangle(page, pixels(box.x, box.y), pixels(box.x + box.width, box.y + box.height), 60, 2)


def say(page: Gray, text: str, x: float, y: float) -> None:
    cv2.putText(page, text, pixels(x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2, cv2.LINE_AA)


def blank_form(*, marks: bool = True) -> Gray:
    page = np.full(pixels(HEIGHT, WIDTH), 250, np.uint8)
    for box in [*BOXES, *APART, LONE, AMOUNT, *ACROSS, *DOWN, *(box for row in TABLE for box in row)]:
        outline(page, box)
    for letter, box in zip("ABCDE", ROUND, strict=True):
        cv2.circle(page, pixels(box.x + 2.5, box.y + 2.5), 20, 60, 2, cv2.LINE_AA)
        say(page, letter, box.x + 1.3, box.y + 3.6)
    for column in (112, 137):
        say(page, "Heading", column, 186)
    x, y, length = LINE
    cv2.line(page, pixels(x, y), pixels(x + length, y), 0, 2)
    cv2.line(page, pixels(15, 220), pixels(195, 220), 0, 2)
    for at, words in enumerate(["Student number", "Date", "Amount", "Which of these is right?", "Room"]):
        say(page, words, 15, (28, 48, 68, 92, 165)[at])
    for at, box in enumerate(DOWN):
        say(page, ("never", "sometimes", "O, often")[at], 48, box.y + 4)
    for corner in [(12, 12), (192, 12), (12, 279), (192, 279)] if marks else []:
        cv2.rectangle(page, pixels(*corner), pixels(corner[0] + 6, corner[1] + 6), 0, -1)
    return page


def proposed(page: Gray) -> FormSpec:
    return form_proposal.propose(
        page, name="new", width=WIDTH, height=HEIGHT, unit="mm", template=Path("blank.png")
    )


def nearly(one: Area, other: Area, *, within: float = 0.7) -> bool:
    """Lines have a thickness: the boxes lie inside theirs."""
    return all(abs(vars(one)[key] - vars(other)[key]) <= within for key in ("x", "y", "width", "height"))


def test_fields_have_the_kinds_of_their_shapes_in_reading_order() -> None:
    spec = proposed(blank_form())
    expected = [
        ("boxes", BOXES),
        ("boxes", APART),
        ("boxes", [LONE]),
        ("number", [AMOUNT]),
        ("choice", ACROSS),
        ("choice", DOWN),
        ("choice", ROUND),
        ("number", [Area(x=LINE[0], y=LINE[1] - 8, width=LINE[2], height=8)]),
        *(("number", [box]) for row in TABLE[1:] for box in row),
    ]
    assert [(field.kind, len(field.boxes)) for field in spec.fields] == [
        (kind, len(boxes)) for kind, boxes in expected
    ]
    assert [field.name for field in spec.fields] == [f"field-{order}" for order in range(1, 13)]
    for field, (_, boxes) in zip(spec.fields, expected, strict=True):
        assert all(nearly(*pair) for pair in zip(field.boxes, boxes, strict=True)), field
    assert spec.fields[4].labels == ("1", "2", "3", "4")
    assert (spec.fields[0].length, spec.fields[3].length) == (9, None)


def test_corner_marks_are_found() -> None:
    marks = proposed(blank_form()).marks
    found = sorted((mark.x, mark.y) for mark in marks)
    assert abs(np.array(found) - [(15, 15), (15, 282), (195, 15), (195, 282)]).max() < 0.1
    assert {(round(mark.size), mark.shape) for mark in marks} == {(6, "square")}
    assert proposed(blank_form(marks=False)).marks == ()


def test_a_proposal_is_a_spec_that_finds_its_page() -> None:
    page = blank_form()
    spec = form_spec.parse(form_spec.text(proposed(page)), name="new.json", folder=Path())
    assert spec == proposed(page)
    picture = cv2.warpAffine(
        page, np.array([[0.6, 0.05, 60], [-0.05, 0.6, 120]]), (1250, 1650), borderValue=90
    )
    found = registration.register(np.asarray(picture, np.uint8), registration.prepare(spec, page))
    assert found.quality > 0.9
    without_template = registration.register(np.asarray(picture, np.uint8), registration.prepare(spec, None))
    assert without_template.quality > 0.9


def test_the_drawing_shows_the_fields_in_the_colours_of_their_kinds() -> None:
    page = blank_form()
    spec = proposed(page)
    drawn = form_proposal.drawn(page, spec)
    assert drawn.shape == (*page.shape, 3)
    changed = (drawn != page[..., np.newaxis]).any(axis=2)
    seen = set()
    for field in spec.fields:
        x, y = pixels(field.boxes[0].x, field.boxes[0].y)
        assert changed[y, x]
        seen.add((field.kind, tuple(drawn[y, x].tolist())))
    assert len(seen) == 3
    assert changed.mean() < 0.05


@pytest.mark.parametrize("level", [0, 250])
def test_a_page_without_fields_is_refused(level: int) -> None:
    page = np.full((1200, 900), level, np.uint8)
    cv2.putText(page, "Nothing to fill in here", (100, 300), cv2.FONT_HERSHEY_SIMPLEX, 1, 128, 2)
    with pytest.raises(UserError, match="the page shows nothing to fill in"):
        proposed(page)
