"""A form's spec is read back as it was written, and every fault in one is a sentence that names it."""

import json
from pathlib import Path
from typing import Any

import pytest

from inkdigits.errors import UserError
from inkdigits.read import form_spec
from inkdigits.read.form_spec import Area, Mark

MARKS = [{"x": x, "y": y, "size": 6} for x in (15, 195) for y in (15, 282)]


def box(x: float = 20, y: float = 30, width: float = 80, height: float = 8) -> dict[str, float]:
    return {"x": x, "y": y, "width": width, "height": height}


def option(label: str, x: float) -> dict[str, Any]:
    return {"label": label, "box": box(x, 60, 4, 4)}


def survey(**changes: Any) -> dict[str, Any]:
    return {
        "name": "survey",
        "width": 210,
        "height": 297,
        "unit": "mm",
        "template": "blank.png",
        "marks": MARKS,
        "fields": [
            {"name": "id", "kind": "boxes", "box": box(), "length": 8, "checks": {"check_digit": "luhn"}},
            {"name": "date", "kind": "boxes", "boxes": [box(20, 45, 6, 8), box(27, 45, 6, 8)]},
            {"name": "amount", "kind": "number", "box": box(20, 80), "length": 5},
            {"name": "answer", "kind": "choice", "options": [option("yes", 20), option("no", 40)]},
        ],
        **changes,
    }


def with_field(**changes: Any) -> dict[str, Any]:
    return survey(fields=[{"name": "id", "kind": "number", "box": box(), **changes}])


def test_a_spec_says_where_its_fields_are(tmp_path: Path) -> None:
    path = tmp_path / "survey.json"
    path.write_text(json.dumps(survey()))
    spec = form_spec.load(path)
    assert (spec.name, spec.width, spec.height, spec.unit) == ("survey", 210, 297, "mm")
    assert spec.template == tmp_path / "blank.png"
    assert spec.marks[3] == Mark(x=195, y=282, size=6, shape="square")
    numbered, dated, amount, answer = spec.fields
    assert numbered.boxes[7] == Area(x=90, y=30, width=10, height=8)
    assert (numbered.length, dated.length, amount.length, answer.length) == (8, 2, 5, None)
    assert form_spec.all_checks(numbered) == {"check_digit": "luhn"}
    assert form_spec.all_checks(amount) == {"length": 5}
    assert (answer.labels, answer.area) == (("yes", "no"), Area(x=20, y=60, width=24, height=4))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    spec = form_spec.parse(json.dumps(survey()), name="survey.json", folder=Path("forms"))
    assert spec.template == Path("forms/blank.png")
    assert form_spec.parse(form_spec.text(spec), name="again", folder=Path()) == spec


FAULTS: list[tuple[Any, str]] = [
    ([], "s.json is []; it should be an object with name, width"),
    (survey(widht=2), "s.json has the unknown key 'widht'; the nearest right one is 'width'"),
    ({"name": "x"}, "s.json lacks the key 'width'"),
    (survey(width=-210), "s.json: width is -210; it should be a number above 0"),
    (survey(height="297"), 's.json: height is "297"; it should be a number above 0'),
    (survey(unit="metre"), 's.json: unit is "metre"; one of: mm, cm, in, pt, px'),
    (survey(name=" "), 's.json: name is " "; it should be a text'),
    (survey(fields={}), "s.json: fields is {}; it should be a list"),
    (survey(fields=[]), "s.json: fields has 0 entries; it should have 1 to 256"),
    (survey(template=None, marks=None), "s.json has neither marks nor a template"),
    (survey(marks=MARKS[:3]), "s.json: marks has 3 entries; a page has 4"),
    (survey(marks=[MARKS[0]] * 4), "s.json: marks don't lie near one corner of the page each"),
    (survey(marks=[*MARKS[:3], {"x": 209, "y": 282, "size": 6}]), "s.json: mark 4 reaches from (206, 279)"),
    (survey(marks=[{**MARKS[0], "shape": "star"}]), 's.json: mark 1: shape is "star"; one of: square, disc'),
    (with_field(kind="digits"), "s.json: field 'id': kind is \"digits\"; one of: number, boxes, choice"),
    (
        with_field(lenght=3),
        "s.json: field 'id' has the unknown key 'lenght'; the nearest right one is 'length'",
    ),
    (with_field(options=[]), "s.json: field 'id' has the unknown key 'options'"),
    (with_field(length=0), "s.json: field 'id': length is 0; it should be a whole number from 1 to 256"),
    (with_field(length=True), "s.json: field 'id': length is true; it should be a whole number"),
    (with_field(box=box(width=-1)), "s.json: field 'id': box: width is -1; it should be a number above 0"),
    (with_field(box=box(x=float("nan"))), "s.json: field 'id': box: x is NaN; it should be a number"),
    (
        with_field(box=box(x=150)),
        "s.json: field 'id': box reaches from (150, 30) to (230, 38), outside the page of 210 × 297",
    ),
    (with_field(box=box(height=0.5)), "s.json: field 'id': box is 80 × 0.5, which is too small to write in"),
    (with_field(box={"x": 1}), "s.json: field 'id': box lacks the key 'y'"),
    (with_field(checks={"lenght": 3}), "s.json: field 'id': checks: unknown check 'lenght'"),
    (
        with_field(length=3, checks={"length": 3}),
        "s.json: field 'id' has a length, and another one in its checks",
    ),
    (with_field(checks=[]), "s.json: field 'id': checks is []; it should be an object"),
    (with_field(kind="boxes"), "s.json: field 'id' has no length: how many boxes its box is divided into"),
    (
        with_field(kind="boxes", boxes=[box()]),
        "s.json: field 'id' needs either one box with a length, or a list",
    ),
    (with_field(kind="choice"), "s.json: field 'id' has the unknown key 'box'"),
    (with_field(kind="choice", options=[]), "s.json: field 'id' has the unknown key 'box'"),
    (
        survey(fields=[{"name": "id", "kind": "boxes", "boxes": []}]),
        "s.json: field 'id': boxes has 0 entries; it should have 1 to 256",
    ),
    (survey(fields=[{"kind": "number"}]), "s.json: field 1 lacks the key 'name'"),
    (
        survey(fields=[{"name": "id", "kind": "boxes", "boxes": [box()], "length": 2}]),
        "s.json: field 'id': length is 2, but it has 1 boxes",
    ),
    (
        with_field(kind="boxes", length=3, checks={"length": 4}),
        "s.json: field 'id': its checks ask for 4 digits, but it has 3 boxes",
    ),
    *(
        (
            with_field(kind="boxes", length=3, checks=asked),
            "s.json: field 'id': its checks ask for 4 digits, but it has 3 boxes",
        )
        for asked in ({"pattern": "##-##"}, {"allowed": ["1234", "98765"]}, {"least": 1000})
    ),
    (survey(template="a\0b.png"), r's.json: template is "a\u0000b.png"; it should be a text'),
    (
        survey(fields=[{"name": "id", "kind": "number", "box": box()}] * 2),
        "s.json: fields holds two of the name 'id'",
    ),
    (
        survey(fields=[{"name": "q", "kind": "choice", "options": [option("a", 20), option("b", 23)]}]),
        "s.json: field 'q': option 'a' and option 'b' overlap",
    ),
    (
        survey(fields=[{"name": "q", "kind": "choice", "options": [option("a", 20), option("a", 40)]}]),
        "s.json: field 'q': options holds two of the name 'a'",
    ),
    (
        survey(
            fields=[{"name": "q", "kind": "choice", "options": [option("a", 20)], "checks": {"length": 1}}]
        ),
        "s.json: field 'q': checks are for digits",
    ),
]


@pytest.mark.parametrize(("value", "sentence"), FAULTS)
def test_a_fault_is_a_sentence_that_names_file_field_and_value(value: Any, sentence: str) -> None:
    with pytest.raises(UserError) as raised:
        form_spec.parse(json.dumps(value), name="s.json", folder=Path())
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_no_json_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "torn.json"
    path.write_text('{"name": "survey",\n "width": }')
    with pytest.raises(UserError, match=r"torn\.json is no JSON: line 2, column 11"):
        form_spec.load(path)
    path.write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"torn\.json is no JSON that can be read"):
        form_spec.load(path)
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(UserError, match=r"torn\.json is no text in UTF-8"):
        form_spec.load(path)
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(survey()).encode())
    assert form_spec.load(path).name == "survey"
    with pytest.raises(UserError, match=r"missing\.json can't be read \(No such file"):
        form_spec.load(tmp_path / "missing.json")
