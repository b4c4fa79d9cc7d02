"""A blank page becomes a spec by one command, and filled pages are read with it by another."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inkdigits import cli, data
from inkdigits.types import Dataset, Gray

BOX, TOP = 90, 400


def blank_page() -> Gray:
    """An A4 page at 150 dpi: a title, six boxes in a row, three check boxes."""
    page = np.full((1754, 1240), 255, np.uint8)
    cv2.putText(page, "MEMBERSHIP FORM", (200, 180), cv2.FONT_HERSHEY_DUPLEX, 2.0, 0, 4)
    cv2.putText(page, "Number", (200, TOP - 30), cv2.FONT_HERSHEY_DUPLEX, 1.2, 0, 2)
    for n in range(6):
        cv2.rectangle(page, (200 + n * BOX, TOP), (200 + (n + 1) * BOX, TOP + BOX), 0, 3)
    for n, text in enumerate(("yes", "no", "perhaps")):
        cv2.rectangle(page, (220, 700 + 110 * n), (262, 742 + 110 * n), 0, 3)
        cv2.putText(page, text, (300, 738 + 110 * n), cv2.FONT_HERSHEY_DUPLEX, 1.2, 0, 2)
    cv2.putText(
        page, "Please write inside the boxes. Thank you.", (200, 1600), cv2.FONT_HERSHEY_DUPLEX, 1.0, 0, 2
    )
    return page


def filled(mnist: Dataset, number: str, *, marked: int) -> Gray:
    page = blank_page().astype(float)
    for n, digit in enumerate(number):
        image = mnist.images[np.flatnonzero(mnist.labels == int(digit))[n]]
        ink = cv2.resize(image, (64, 64), interpolation=cv2.INTER_CUBIC).astype(float) / 255
        x, y = 200 + n * BOX + 13, TOP + 13
        page[y : y + 64, x : x + 64] *= 1 - 0.85 * np.clip(ink, 0, 1)
    for start, end in (((224, 704), (258, 738)), ((258, 704), (224, 738))):
        down = 110 * marked
        cv2.line(page, (start[0], start[1] + down), (end[0], end[1] + down), 30, 5)
    turn = cv2.getRotationMatrix2D((620, 877), 1.0, 0.98)
    return np.asarray(
        cv2.warpAffine(np.clip(page, 0, 255).astype(np.uint8), turn, (1240, 1754), borderValue=240), np.uint8
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    told = capsys.readouterr()
    return left.value.code, told.out, told.err


def test_from_a_blank_page_to_filled_ones(
    tmp_path: Path, data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = tmp_path / "form.pdf"
    Image.fromarray(blank_page()).save(blank, resolution=150)
    status, out, _ = run(capsys, "form", "new", str(blank))
    assert status == 0
    assert "2 fields: field-1 (boxes, 6), field-2 (choice, 3)" in out
    spec = tmp_path / "form.json"
    assert {path.name for path in tmp_path.iterdir()} == {
        "form.pdf",
        "form.json",
        "form.template.png",
        "form.check.png",
    }

    mnist = data.load("mnist", "test")
    pages = tmp_path / "pages"
    pages.mkdir()
    Image.fromarray(filled(mnist, "470125", marked=1)).save(pages / "1.png")
    Image.fromarray(np.full((1754, 1240), 235, np.uint8)).save(pages / "2.png")
    Image.fromarray(filled(mnist, "31", marked=2)).save(pages / "3.png")
    status, out, err = run(capsys, "read", str(pages), "--as", "form", "--form", str(spec), "--json")
    first, second, third = json.loads(out)
    assert (status, err.strip()) == (1, "")  # the sheet that is no such form
    fields = first["pages"][0]["fields"]
    assert [(field["name"], field["kind"], field["text"]) for field in fields] == [
        ("field-1", "boxes", "470125"),
        ("field-2", "choice", "2"),
    ]
    assert [line["text"] for line in first["pages"][0]["lines"]] == ["470125", "2"]
    assert "doesn't match the form" in second["error"]
    assert [field["text"] for field in third["pages"][0]["fields"]] == ["31", "3"]

    _, table, _ = run(capsys, "read", str(pages), "--as", "form", "--form", str(spec), "--csv")
    assert table.splitlines()[1].startswith(f"{pages / '1.png'},1,1,field-1,470125,")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["read", "a.png", "--as", "form"], "--as form needs the form's spec"),
        (["read", "a.png", "--as", "digit", "--form", "a.json"], "--as form needs the form's spec"),
        (["form", "new", "a.pdf", "--out", "a.txt"], "a.txt is no name for a spec; it should end in .json"),
        (
            ["form", "new", "a.pdf", "--width", "0"],
            "width is 0, but has to lie between 10 and 10000 millimetres",
        ),
    ],
)
def test_what_cant_be_meant_is_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert sentence in err


def test_a_blank_page_without_boxes_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.full((500, 400), 255, np.uint8)).save(tmp_path / "white.png")
    status, _, err = run(capsys, "form", "new", str(tmp_path / "white.png"))
    assert status == 1
    assert "shows nothing to fill in" in err


@pytest.mark.parametrize("name", ["form.json", "form.template.png", "form.check.png"])
def test_nothing_that_is_there_is_replaced(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = tmp_path / "form.check.png" if name == "form.check.png" else tmp_path / "blank.png"
    Image.fromarray(blank_page()).save(blank)
    if blank.name != name:
        (tmp_path / name).write_bytes(b"mine")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    status, _, err = run(capsys, "form", "new", str(blank), "--out", str(tmp_path / "form.json"))
    assert status == 1
    assert f"{tmp_path / name} is there already" in err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def boxes(n_rows: int, n_columns: int) -> Gray:
    page = np.full((1754, 1240), 250, np.uint8)
    for row in range(n_rows):
        for column in range(n_columns):
            x, y = 60 + column * 140, 60 + row * 36
            cv2.rectangle(page, (x, y), (x + 110, y + 26), 40, 2)
    return page


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (np.full((1, 5000), 255, np.uint8), "has 5000×1 pixels; a form has 100 along each side"),
        (boxes(45, 8), "fields has 360 entries; it should have 1 to 256"),
        (boxes(1, 1), "can't be found again by what is printed on it"),
    ],
)
def test_a_page_that_no_spec_would_work_for_is_a_sentence_and_writes_nothing(
    page: Gray, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(page).save(tmp_path / "page.png")
    status, _, err = run(capsys, "form", "new", str(tmp_path / "page.png"))
    assert (status, sentence in err) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["page.png"]
