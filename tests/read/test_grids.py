"""A grid in a photo is read cell by cell; empty cells stay empty, and each digit is where its cell is."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from inkdigits import data
from inkdigits.card import NONE, Card
from inkdigits.errors import UserError
from inkdigits.read import grids
from inkdigits.read.engine import Engine
from inkdigits.types import Gray

CELL = 80
TEXTS = (("7", "", "1"), ("", "0", "4"), ("1", "", ""), ("", "", "9"))


def sheet(data_folder: Path) -> Gray:
    """A boxed grid of four rows and three columns with some of MNIST's digits in its cells."""
    mnist = data.load("mnist", "test")
    drawn = np.full((4 * CELL + 120, 3 * CELL + 120), 225.0)
    for row, cells in enumerate(TEXTS):
        for column, text in enumerate(cells):
            x, y = 60 + column * CELL, 60 + row * CELL
            cv2.rectangle(drawn, (x, y), (x + CELL, y + CELL), 60, 2)
            if text:
                digit = mnist.images[np.flatnonzero(mnist.labels == int(text))[2]]
                ink = cv2.resize(digit, (56, 56), interpolation=cv2.INTER_CUBIC).astype(float) / 255
                drawn[y + 12 : y + 68, x + 12 : x + 68] *= 1 - 0.8 * np.clip(ink, 0, 1)
    return np.asarray(np.clip(drawn, 0, 255), np.uint8)


def test_cells_are_read_where_they_are(reader: Engine, data_folder: Path) -> None:
    page = grids.read(sheet(data_folder), reader, 0.0)
    assert page.grid == TEXTS
    assert [line.text for line in page.lines] == [text for row in TEXTS for text in row]
    assert {line.reason for line in page.lines if not line.text} == {"blank"}
    places = [(row, column) for row in range(4) for column in range(3)]
    for line, (row, column) in zip(page.lines, places, strict=True):
        assert abs(line.box.x - (60 + column * CELL)) < 8
        assert abs(line.box.y - (60 + row * CELL)) < 8
        assert abs(line.box.width - CELL) < 10
        assert all(digit.box == line.box for digit in line.digits)


def test_what_is_no_digit_in_a_cell_is_refused_and_says_so(reader: Engine, data_folder: Path) -> None:
    picture = sheet(data_folder)
    cv2.putText(picture, "W", (75, 205), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 40, 4, cv2.LINE_AA)
    page = grids.read(picture, reader, 0.5)
    assert (page.lines[3].accepted, page.lines[3].reason in ("not a digit", "unsure")) == (False, True)
    assert page.lines[1].reason == "blank"


def test_a_turned_photo_in_bad_light_is_read_the_same(reader: Engine, data_folder: Path) -> None:
    picture = sheet(data_folder)
    height, width = picture.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = np.array([[18, 8], [width - 4, 22], [width - 20, height - 6], [6, height - 26]], np.float32)
    turn = cv2.getPerspectiveTransform(corners, moved)
    seen = cv2.warpPerspective(picture, turn, (width, height), borderValue=190)
    shaded = np.clip(seen * np.linspace(1.0, 0.5, width), 0, 255).astype(np.uint8)
    assert grids.read(shaded, reader, 0.0).grid == TEXTS


def test_a_page_without_a_grid_says_so(reader: Engine) -> None:
    with pytest.raises(UserError, match="shows no grid"):
        grids.read(np.full((200, 200), 210, np.uint8), reader, 0.0)


def saying(row: Sequence[float]) -> Engine:
    """A reader that says the same of every image: ten digits, then none."""
    names = (*"0123456789", NONE)
    scores = np.array(row, np.float32)
    return Engine(
        classify=lambda images: np.tile(scores, (len(images), 1)), card=Card(network={}, label_names=names)
    )


def test_in_a_cell_what_is_no_digit_is_a_tenth_as_likely(data_folder: Path) -> None:
    page = grids.read(sheet(data_folder), saying([0, 0, 0, 0.2, 0, 0, 0, 0, 0, 0, 0.8]), 0.0)
    (line, *_) = page.lines
    assert line.text == "3"
    assert line.confidence == pytest.approx(0.2 / (0.2 + 0.08))


def test_ink_is_dark_even_where_more_of_a_cell_is_dark_than_not(reader: Engine, data_folder: Path) -> None:
    picture = sheet(data_folder)
    picture[62:138, 62:75] = picture[62:138, 124:138] = 95  # shaded on both sides of the digit
    picture[62:74, 62:138] = picture[127:138, 62:138] = 95
    assert grids.read(picture, reader, 0.0).grid == TEXTS


def test_what_lies_at_the_rim_of_a_cell_is_its_frame_and_leaves_no_digit(data_folder: Path) -> None:
    picture = sheet(data_folder)
    cv2.line(picture, (62 + CELL, 66), (62 + CELL + 20, 66), 60, 5)
    page = grids.read(picture, saying([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]), 0.0)
    assert (page.lines[1].text, page.lines[1].reason, page.lines[1].digits) == ("", "blank", ())
