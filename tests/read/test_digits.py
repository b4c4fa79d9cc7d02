"""One digit in a picture is read by the model that ships, or refused with the reason."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inkdigits import cli, data, image, weights
from inkdigits.card import NONE
from inkdigits.errors import ArgumentError
from inkdigits.read import digits
from inkdigits.read.engine import Engine
from inkdigits.read.reader import Order, build, least_confidence
from inkdigits.types import Gray

ANY = 0.0


def photo_of(digit: Gray, *, side: int = 140, left: int = 20, top: int = 10) -> Gray:
    """The digit at four times its size, in dark ink on a shaded sheet with rules."""
    sheet = np.linspace(160, 230, side)[np.newaxis] * np.ones((side, 1))
    for y in range(15, side, 45):
        cv2.line(sheet, (0, y), (side, y), 110, 1)
    large = cv2.resize(digit, (112, 112), interpolation=cv2.INTER_CUBIC).astype(float) / 255
    sheet[top : top + 112, left : left + 112] *= 1 - 0.75 * large
    return np.clip(sheet, 0, 255).astype(np.uint8)


def test_photos_of_mnists_digits_are_read(reader: Engine, data_folder: Path) -> None:
    mnist = data.load("mnist", "test")
    lines = [digits.read(photo_of(picture), reader, ANY) for picture in mnist.images[:200]]
    right = [line.text == str(label) for line, label in zip(lines, mnist.labels, strict=False)]
    assert np.mean(right) > 0.97


def test_the_box_is_where_the_ink_is(reader: Engine, data_folder: Path) -> None:
    picture = data.load("mnist", "test").images[0]
    rows, columns = np.nonzero(picture)
    line = digits.read(photo_of(picture, left=20, top=10), reader, ANY)
    assert line.text == "7"
    (found,) = line.digits
    assert found.box == line.box
    assert abs(found.box.x - (20 + 4 * columns.min())) <= 5
    assert abs(found.box.y - (10 + 4 * rows.min())) <= 5
    assert abs(found.box.width - 4 * (np.ptp(columns) + 1)) <= 9
    assert abs(found.box.height - 4 * (np.ptp(rows) + 1)) <= 9


@pytest.mark.parametrize("level", [0, 120, 255])
def test_a_blank_picture_is_refused(level: int, reader: Engine) -> None:
    line = digits.read(np.full((60, 50), level, np.uint8), reader, ANY)
    assert (line.text, line.accepted, line.reason, line.digits) == ("", False, "blank", ())
    assert (line.box.width, line.box.height) == (50, 60)


@pytest.mark.parametrize(
    ("none", "odds", "text"), [(0.6, 1.0, ""), (0.6, 0.1, "3"), (0.99, 0.1, ""), (0.2, 1.0, "3")]
)
def test_what_is_rarely_none_is_sooner_a_digit(none: float, odds: float, text: str, reader: Engine) -> None:
    scores = np.zeros((1, len(reader.card.label_names)), np.float32)
    scores[0, reader.card.label_names.index("3")] = 1 - none
    scores[0, reader.card.label_names.index(NONE)] = none
    says_so = replace(reader, classify=lambda _images: scores)
    (line,) = digits.read_all([photo_of(np.eye(28, dtype=np.uint8) * 255)], says_so, ANY, none_odds=odds)
    assert line.text == text
    assert line.confidence == pytest.approx((1 - none) / (1 - none + odds * none))


@pytest.mark.parametrize("text", ["A", "K", "W", "x", "#", "mn"])
def test_letters_are_no_digits(text: str, reader: Engine) -> None:
    picture = np.full((120, 200), 235, np.uint8)
    cv2.putText(picture, text, (40, 90), cv2.FONT_HERSHEY_SIMPLEX, 2.5, 30, 6)
    line = digits.read(picture, reader, ANY)
    assert (line.text, line.reason) == ("", "not a digit")


def test_two_digits_are_not_one(reader: Engine, data_folder: Path) -> None:
    images = data.load("mnist", "test").images[:60]
    pairs = [
        np.hstack([photo_of(a)[:, 24:128], photo_of(b)[:, 24:128]]) for a, b in itertools.pairwise(images)
    ]
    refused = [not digits.read(pair, reader, ANY).text for pair in pairs]
    assert np.mean(refused) > 0.7


def test_an_answer_below_the_threshold_is_given_and_not_accepted(reader: Engine, data_folder: Path) -> None:
    picture = photo_of(data.load("mnist", "test").images[0])
    line = digits.read(picture, reader, 1.1)
    assert (line.text, line.accepted, line.reason) == ("7", False, "unsure")
    assert digits.read(picture, reader, ANY).accepted


def test_where_one_digit_is_asked_for_several_are_refused_as_several(data_folder: Path) -> None:
    read = build(Order(kind="digit"))
    images = data.load("mnist", "test").images
    reasons, accepted = [], 0
    for row in range(0, 60, 2):
        left, right = (photo_of(images[row + at], side=260, left=10 + 110 * at) for at in (0, 1))
        (line,) = read(np.minimum(left, right)[:140]).lines
        reasons.append(line.reason)
        accepted += line.accepted
    assert reasons.count("several digits") > 25
    assert accepted <= 1
    (one,) = read(photo_of(images[0])).lines
    assert (one.text, one.reason) == ("7", None)


def test_the_threshold_is_that_of_the_rate_or_of_the_next_lower_one(reader: Engine) -> None:
    known = replace(reader, card=replace(reader.card, thresholds={"0.01": 0.7, "0.001": 0.9}))
    assert least_confidence(known, 0.01) == 0.7
    assert least_confidence(known, 0.009) == 0.9
    assert least_confidence(known, 1.0) == 0.7
    assert least_confidence(known, 0.0001) == 0.9999  # lower than all: as probable as that
    strict = replace(reader, card=replace(reader.card, thresholds={"0.01": 0.7, "0.001": 0.99995}))
    assert least_confidence(strict, 0.0001) == 0.99995


def test_the_shipped_model_says_what_it_is(reader: Engine) -> None:
    assert reader.card.label_names == (*"0123456789", NONE)
    rates = sorted(float(rate) for rate in reader.card.thresholds)
    assert rates[0] <= Order().max_error  # what is asked for where nothing else is
    confidences = [reader.card.thresholds[f"{rate:g}"] for rate in rates]
    assert confidences == sorted(confidences, reverse=True)
    assert reader.card.provenance["validation"]["n"] >= 5_000
    with pytest.raises(ArgumentError, match="one of: reader, house, number"):
        weights.content("writer")


def test_the_command_reads_files_and_folders_without_pytorch(data_folder: Path, tmp_path: Path) -> None:
    for row, picture in enumerate(data.load("mnist", "test").images[:3]):
        Image.fromarray(photo_of(picture)).save(tmp_path / f"{row}.png")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code = (
        "import sys\nfrom inkdigits import cli\n"
        "try:\n    cli.main(['read', sys.argv[1], '--json', '--max-error', '0.05'])\n"
        "finally:\n    print([m for m in ('torch', 'onnx', 'sklearn') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "[]\n")
    documents = json.loads(done.stdout)
    assert [Path(document["file"]).name for document in documents] == ["0.png", "1.png", "2.png", "torn.png"]
    assert [document["pages"][0]["lines"][0]["text"] for document in documents[:3]] == ["7", "2", "1"]
    assert documents[0]["error"] is None
    assert "damaged" in documents[3]["error"]
    assert documents[3]["pages"] == []
    assert set(documents[0]["pages"][0]["lines"][0]) == {
        "text",
        "confidence",
        "accepted",
        "reason",
        "box",
        "digits",
        "candidates",
    }
    told = subprocess.run(
        [
            str(Path(sys.executable).with_name("inkdigits")),
            "read",
            str(tmp_path / "0.png"),
            str(tmp_path / "torn.png"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout.splitlines()[0].startswith(f"{tmp_path / '0.png'}: 7  ")
    assert "torn.png: is damaged" in told.stdout


def test_cells_without_a_digit_are_refused(reader: Engine, data_folder: Path) -> None:
    cells = sorted((data_folder / "cells" / "blank").glob("*.jpg"))[:300]
    if not cells:
        pytest.skip("cells is not here")
    strict = least_confidence(reader, 0.005)
    accepted = [digits.read(image.decode(cell), reader, strict).accepted for cell in cells]
    assert np.mean(accepted) < 0.03


def test_what_needs_pytorch_says_so_where_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")
    code = "from inkdigits import cli; cli.main(['evaluate', 'model', 'mnist'])"
    where = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=where
    )
    assert done.returncode == 1
    assert done.stderr == (
        "inkdigits: torch is missing, which training and export need: pip install 'inkdigits[learn]'\n"
    )


def test_of_a_model_without_thresholds_no_answer_is_accepted(reader: Engine, data_folder: Path) -> None:
    bare = replace(reader, card=replace(reader.card, thresholds={}))
    line = digits.read(photo_of(data.load("mnist", "test").images[0]), bare, least_confidence(bare, 0.005))
    assert (line.text, line.accepted, line.reason) == ("7", False, "unsure")


def test_a_folder_without_pictures_is_an_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "._of_a_mac.png").touch()
    with pytest.raises(SystemExit) as left:
        cli.main(["read", str(tmp_path), str(tmp_path / "none.png")])
    assert left.value.code == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{tmp_path}: holds no pictures; it should: .png, ")
    assert second.startswith(f"{tmp_path / 'none.png'}: can't be read")
