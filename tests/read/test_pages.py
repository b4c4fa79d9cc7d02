"""The numbers on a page are found and read wherever they stand; words around them are not numbers."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from inkdigits import data
from inkdigits.data.drawn import hands
from inkdigits.data.drawn import pages as drawn_pages
from inkdigits.data.drawn.hands import Hands
from inkdigits.read import pages
from inkdigits.read.numbers import Reader, Wanted

ANY = Wanted(least_confidence=0.0)


@pytest.fixture(scope="module")
def writers(data_folder: Path) -> Hands:
    """Those of MNIST's test images, which nothing was trained on, as one."""
    mnist = data.load("mnist", "test")
    return hands.from_images(mnist.images, mnist.labels.astype(str).tolist())


@pytest.mark.parametrize("angle", [0.0, -4.0])
def test_numbers_are_read_where_they_stand_in_reading_order(
    angle: float, number: Reader, writers: Hands
) -> None:
    right: list[bool] = []
    for seed in (3, 4, 5):
        drawn = drawn_pages.draw(
            writers,
            np.random.default_rng(seed),
            shape=(1754, 1240),
            n_lines=12,
            n_digits=6,
            height=48,
            angle=angle,
        )
        page = pages.read(drawn.picture, number, ANY)
        assert len(page.lines) == len(drawn.texts)
        for line, box in zip(page.lines, drawn.boxes, strict=True):
            assert abs(line.box.x + line.box.width / 2 - box.x - box.width / 2) < 40
            assert abs(line.box.y + line.box.height / 2 - box.y - box.height / 2) < 25
        right += [line.text == text for line, text in zip(page.lines, drawn.texts, strict=True)]
    assert np.mean(right) >= 0.7


def test_a_blank_page_has_no_numbers(number: Reader) -> None:
    assert pages.read(np.full((1600, 1200), 240, np.uint8), number, ANY).lines == ()


def test_print_is_no_number(number: Reader) -> None:
    sheet = np.full((1600, 1200), 240, np.uint8)
    for row, text in enumerate(["Name", "Amount due", "Customer", "Address", "Thank you", "Signature"]):
        cv2.putText(sheet, text, (100, 200 + 200 * row), cv2.FONT_HERSHEY_DUPLEX, 2.0, 30, 3, cv2.LINE_AA)
    page = pages.read(sheet, number, ANY)
    assert sum(line.confidence > 0.5 for line in page.lines) <= 2
