"""Filled forms are read field by field; what is empty or spoilt is told, and spoils nothing else."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from inkdigits import data, image
from inkdigits.card import Card
from inkdigits.errors import UserError
from inkdigits.read import form_spec, forms, registration
from inkdigits.read.engine import Engine
from inkdigits.read.form_spec import Area, FieldSpec, FormSpec, Mark
from inkdigits.read.forms import Readers
from inkdigits.types import Box, Field, Gray, Images, Scores

PER_MM = 10
INK = 60
SPEC = FormSpec(
    name="survey",
    width=150,
    height=100,
    unit="mm",
    fields=(
        FieldSpec(
            name="id",
            kind="boxes",
            boxes=tuple(Area(x=20 + 8 * n, y=20, width=8, height=9) for n in range(6)),
        ),
        FieldSpec(name="amount", kind="number", boxes=(Area(x=20, y=40, width=60, height=11),)),
        FieldSpec(
            name="answer",
            kind="choice",
            boxes=tuple(Area(x=20 + 15 * n, y=65, width=4.5, height=4.5) for n in range(3)),
            labels=("yes", "no", "perhaps"),
        ),
    ),
    marks=tuple(Mark(x=x, y=y, size=5) for x in (8, 142) for y in (8, 92)),
)
FRAMES = range(3, 60, 6)
"""Where along the line the stand-in for a reader of lines sees its digits."""


def line_reader(text: str) -> Engine:
    """A stand-in that sees the text in every line, surely."""

    def classify(strips: Images) -> Scores:
        scores = np.full((len(strips), strips.shape[2] // image.COLUMNS, 11), 1e-5, np.float32)
        scores[..., 10] = 1 - 1e-4
        for frame, label in zip(FRAMES, text, strict=False):
            scores[:, frame] = 1e-5
            scores[:, frame, int(label)] = 1 - 1e-4
        return scores

    return Engine(classify=classify, card=Card(network={"model": "number"}, label_names=tuple("0123456789")))


def readers(digit: Engine, *, number: str = "4711", least: float = 0.0) -> Readers:
    return Readers(
        number=line_reader(number),
        digit=digit,
        least_number=0.9,
        least_digit=lambda n: least * n,
        least_boxes=0.0,
    )


def pixels(x: float, y: float) -> tuple[int, int]:
    return round(x * PER_MM), round(y * PER_MM)


def printed() -> Gray:
    """The blank page."""
    page = np.full(pixels(SPEC.height, SPEC.width), 245, np.uint8)
    for mark in SPEC.marks:
        low, (right, bottom) = pixels(mark.x - 2.5, mark.y - 2.5), pixels(mark.x + 2.5, mark.y + 2.5)
        cv2.rectangle(page, low, (right - 1, bottom - 1), 20, -1)
    for box in (box for field in SPEC.fields for box in field.boxes):
        cv2.rectangle(page, pixels(box.x, box.y), pixels(box.x + box.width, box.y + box.height), 70, 3)
    cv2.putText(page, "Fill in one digit in each box", (300, 150), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 20, 2)
    return page


def write(page: Gray, box: Area, digit: Gray) -> None:
    """The digit of 28×28 in the middle of a box, 8.4 mm with its margin."""
    large = cv2.resize(digit, (84, 84), interpolation=cv2.INTER_CUBIC).astype(float) / 255
    x, y = (round(PER_MM * each) - 42 for each in (box.x + box.width / 2, box.y + box.height / 2))
    under = page[y : y + 84, x : x + 84]
    under[:] = under * (1 - (1 - INK / 255) * np.clip(large, 0, 1))


def cross(page: Gray, box: Area) -> None:
    x, y, side = (round(PER_MM * each) for each in (box.x, box.y, box.width))
    cv2.line(page, (x, y), (x + side, y + side), INK, 5, cv2.LINE_AA)
    cv2.line(page, (x + side, y), (x, y + side), INK, 5, cv2.LINE_AA)


def photo(page: Gray, *, seed: int = 0) -> Gray:
    """The page as a bent sheet on a desk, tilted, in the shade, grainy: about 10 pixels a millimetre."""
    random = np.random.default_rng(seed)
    height, width = page.shape
    down, across = np.indices(page.shape, np.float32)
    bent = cv2.remap(
        page,
        across + 4 * np.sin(down / 150),
        down + 4 * np.sin(across / 200),
        cv2.INTER_LINEAR,
        borderValue=245,
    )
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    tilted = corners + random.uniform(-80, 80, (4, 2)).astype(np.float32) + 150
    turn = cv2.getPerspectiveTransform(corners, tilted)
    seen = cv2.warpPerspective(bent, turn, (width + 300, height + 300), borderValue=60)
    shade = np.linspace(1, 0.6, seen.shape[1]) * np.linspace(0.9, 1, seen.shape[0])[:, np.newaxis]
    grainy = cv2.GaussianBlur(seen * shade, (0, 0), 1) + random.normal(0, 3, seen.shape)
    return np.asarray(np.clip(grainy, 0, 255), np.uint8)


def read(page: Gray, engines: Readers, *, spec: FormSpec = SPEC, seed: int = 0) -> Mapping[str, Field]:
    form = registration.prepare(spec, None)
    return {field.name: field for field in forms.read(photo(page, seed=seed), form, engines)}


def test_fields_of_photos_are_read_with_marks_and_with_a_template(reader: Engine, data_folder: Path) -> None:
    mnist = data.load("mnist", "test")
    ways = {
        "marks": registration.prepare(SPEC, None),
        "template": registration.prepare(replace(SPEC, marks=()), printed()),
    }
    right: dict[str, list[bool]] = {way: [] for way in ways}
    for seed in range(8):
        page, rows = printed(), range(6 * seed, 6 * seed + 6)
        for row, box in zip(rows, SPEC.fields[0].boxes, strict=True):
            write(page, box, mnist.images[row])
        cross(page, SPEC.fields[2].boxes[seed % 3])
        picture = photo(page, seed=seed)
        for way, form in ways.items():
            found, _, answer = forms.read(picture, form, readers(reader))
            assert (answer.text, answer.accepted, answer.reason) == (
                SPEC.fields[2].labels[seed % 3],
                True,
                None,
            )
            assert len(found.digits) == len(found.text.replace("?", "")) <= len(found.text) == 6
            right[way] += [a == str(b) for a, b in zip(found.text, mnist.labels[list(rows)], strict=True)]
    assert {way: np.mean(each) > 0.95 for way, each in right.items()} == {"marks": True, "template": True}


def test_digits_are_boxed_where_they_are_written(reader: Engine, data_folder: Path) -> None:
    page, seven = printed(), data.load("mnist", "test").images[0]
    write(page, SPEC.fields[0].boxes[0], seven)
    form = registration.prepare(SPEC, None)
    found = forms.read(page, form, readers(reader))[0]
    rows, columns = np.nonzero(seven)
    (digit,) = found.digits
    assert (found.text, digit.label) == ("7", "7")
    assert abs(digit.box.x - (240 - 42 + 3 * columns.min())) <= 6
    assert abs(digit.box.y - (245 - 42 + 3 * rows.min())) <= 6
    assert abs(digit.box.height - 3 * (np.ptp(rows) + 1)) <= 9
    assert all(abs(np.subtract(tuple(asdict(found.box).values()), (200, 200, 480, 90))) <= 2)


def test_what_is_empty_is_blank_and_adds_nothing(reader: Engine, data_folder: Path) -> None:
    for seed in range(5):
        found = read(printed(), readers(reader), seed=seed)
        assert {name: (field.text, field.reason) for name, field in found.items()} == {
            "id": ("", "blank"),
            "amount": ("", "blank"),
            "answer": ("", "no option is marked"),
        }
    page, images = printed(), data.load("mnist", "test").images
    for row, at in enumerate((1, 2)):
        write(page, SPEC.fields[0].boxes[at], images[row])
    part = read(page, readers(reader))["id"]
    assert (part.text, part.accepted) == ("72", True)
    write(page, SPEC.fields[0].boxes[4], images[2])
    torn = read(page, readers(reader))["id"]
    assert (torn.text, torn.accepted, torn.reason) == ("721", False, "box 4: blank, between others")


def test_a_bad_box_is_a_question_mark_and_the_rest_is_read(reader: Engine, data_folder: Path) -> None:
    page, images = printed(), data.load("mnist", "test").images
    for at in (0, 1, 3):
        write(page, SPEC.fields[0].boxes[at], images[at])
    cv2.putText(page, "W", (372, 280), cv2.FONT_HERSHEY_SIMPLEX, 2.2, INK, 5)
    cross(page, SPEC.fields[2].boxes[0])
    cross(page, SPEC.fields[2].boxes[2])
    found = read(page, readers(reader))
    assert (found["id"].text, found["id"].accepted, found["id"].confidence) == ("72?0", False, 0)
    assert found["id"].reason == "box 3: not a digit"
    assert (found["answer"].text, found["answer"].reason) == ("yes, perhaps", "2 options are marked")


def test_a_text_is_as_sure_as_all_its_digits(reader: Engine, data_folder: Path) -> None:
    page, images = printed(), data.load("mnist", "test").images
    for at in range(3):
        write(page, SPEC.fields[0].boxes[at], images[at])
    sure = read(page, readers(reader))["id"]
    assert sure.confidence == pytest.approx(np.prod([digit.confidence for digit in sure.digits]))
    least = min(digit.confidence for digit in sure.digits) / 3
    assert read(page, readers(reader, least=least))[
        "id"
    ].accepted  # each of three is asked for what three need
    assert "unsure" in str(read(page, readers(reader, least=1.001 * least))["id"].reason)
    assert read(page, readers(reader, least=1.1))["id"].reason == "box 1: unsure"
    for share, accepted in ((0.9999, True), (1.0001, False)):
        strict = replace(readers(reader), least_boxes=share * sure.confidence)
        found = read(page, strict)["id"]
        assert (found.accepted, found.reason) == (accepted, None if accepted else "unsure")


@pytest.mark.parametrize(
    ("changes", "text", "reason"),
    [
        ({}, "4711", None),
        ({"length": 4}, "4711", None),
        ({"length": 5}, "4711", "has 4 digits, 5 were expected"),
        ({"checks": {"most": 4000}}, "4711", "is above 4000"),
        ({"checks": {"allowed": ["4711", "4712"]}}, "4711", None),
    ],
)
def test_a_number_is_read_and_checked(
    changes: dict[str, Any], text: str, reason: str | None, reader: Engine
) -> None:
    page = printed()
    cv2.putText(page, "4711", (220, 495), cv2.FONT_HERSHEY_SIMPLEX, 2.2, INK, 5)
    field = replace(SPEC.fields[1], **changes)
    found = read(page, readers(reader), spec=replace(SPEC, fields=(SPEC.fields[0], field)))["amount"]
    assert (found.text, found.accepted, found.reason) == (text, reason is None, reason)
    assert (found.confidence > 0.99) == (reason is None)
    assert [digit.label for digit in found.digits] == list(text)
    assert json.loads(json.dumps(asdict(found)))["digits"][0]["label"] == "4"


def test_checks_hold_for_boxes_too(reader: Engine, data_folder: Path) -> None:
    page, images = printed(), data.load("mnist", "test").images
    for at in range(3):
        write(page, SPEC.fields[0].boxes[at], images[at])
    short = replace(SPEC.fields[0], checks={"length": 6})
    found = read(page, readers(reader), spec=replace(SPEC, fields=(short,)))["id"]
    assert (found.text, found.accepted, found.reason) == ("721", False, "has 3 digits, 6 were expected")


def test_fields_of_odd_shapes_are_blank_too(reader: Engine) -> None:
    areas = Area(x=90, y=20, width=1, height=9), Area(x=90, y=40, width=50, height=1)
    fields = tuple(FieldSpec(name=str(each), kind="number", boxes=(each,)) for each in areas)
    found = read(printed(), readers(reader), spec=replace(SPEC, fields=fields))
    assert [field.reason for field in found.values()] == ["blank", "blank"]


def test_a_field_beyond_the_picture_is_refused_and_the_others_read(reader: Engine) -> None:
    page = printed()
    form = registration.prepare(replace(SPEC, marks=()), page)
    found = forms.read(page[:640], form, readers(reader))
    assert [field.reason for field in found] == ["blank", "blank", "outside the picture"]


def test_a_form_is_loaded_with_its_template(tmp_path: Path, reader: Engine) -> None:
    Image.fromarray(printed()).save(tmp_path / "blank.png")
    path = tmp_path / "survey.json"
    path.write_text(form_spec.text(replace(SPEC, template=Path("blank.png"))))
    form = forms.load(path)
    assert form.spec.template == tmp_path / "blank.png"
    found = forms.read(photo(printed()), form, readers(reader))
    assert [field.name for field in found] == ["id", "amount", "answer"]
    assert isinstance(found[0].box, Box)
    (tmp_path / "blank.png").unlink()
    with pytest.raises(UserError, match=r"blank\.png can't be read"):
        forms.load(path)


def test_another_page_is_refused(reader: Engine) -> None:
    with pytest.raises(UserError, match="the page doesn't match the form 'survey'"):
        read(np.full((1000, 1500), 240, np.uint8), readers(reader))
