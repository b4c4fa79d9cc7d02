"""What makes the shipped models: which drawn digits are learnt from, and which thresholds are given."""

import itertools
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from runs import digits, sources

from inkdigits import data
from inkdigits.card import NONE
from inkdigits.types import Box, Gray

TRUE = Box(x=20, y=10, width=20, height=30)


@pytest.mark.parametrize(
    ("found", "label"),
    [
        (TRUE, "7"),
        (Box(x=18, y=8, width=26, height=34), "7"),
        (Box(x=60, y=10, width=10, height=30), NONE),
        (Box(x=20, y=10, width=20, height=12), None),
        (Box(x=0, y=0, width=80, height=60), None),
    ],
)
def test_a_drawn_digit_is_learnt_where_its_ink_was_found(found: Box, label: str | None) -> None:
    assert digits._visible(found, TRUE, "7") == label


def stroke(start: tuple[int, int], end: tuple[int, int]) -> Gray:
    drawn = np.zeros((28, 28), np.uint8)
    cv2.line(drawn, start, end, 255, 3)
    return drawn


@pytest.mark.parametrize(
    ("image", "is_misleading"),
    [
        (stroke((13, 4), (13, 24)), True),
        (stroke((19, 4), (8, 23)), True),
        (stroke((22, 5), (5, 22)), False),
        (stroke((4, 13), (24, 13)), False),
        (stroke((13, 4), (13, 24)) | stroke((7, 4), (7, 24)), False),
        (stroke((13, 4), (13, 24)) | stroke((13, 4), (23, 24)), False),
    ],
)
def test_a_single_steep_stroke_is_never_learnt_as_none(image: Gray, *, is_misleading: bool) -> None:
    assert digits._is_misleading(image, NONE) == is_misleading
    assert not digits._is_misleading(image, "1")


def test_a_line_is_cut_where_neighbours_dont_reach_over_each_other() -> None:
    boxes = [[0, 0, 10, 20], [14, 0, 10, 20], [22, 0, 10, 20], [32, 0, 8, 20]]
    cut = [(np.zeros((1, 1), np.uint8), box) for box in boxes]
    assert sources._gaps(cut) == ((1, 12), (3, 32))
    assert sources._gaps([]) == ()


def test_writers_photos_and_rows_of_the_three_parts_are_others(data_folder: Path) -> None:
    if not (data_folder / "numbers10").is_dir():
        pytest.skip("the data that shipped models are made from is not here")
    parts = ("training", "validation", "test")
    writers = [sources.writers(part) for part in parts]
    photos = [{photo for photo, _ in sources.sheets(part)} for part in parts]
    sheets = [{str(cells) for _, cells in sources.sheets(part)} for part in parts]
    cells = [set(sources.cells(part)) for part in parts]
    symbols = [{picture.tobytes() for picture in sources.symbols(part).images} for part in parts]
    kinds: list[Sequence[Set[Any]]] = [writers, photos, sheets, cells]
    for kind in kinds:
        assert all(kind)
        assert all(one.isdisjoint(other) for one, other in itertools.combinations(kind, 2))
    assert [len(sources.symbols(part)) for part in parts] == [21_600, 2_700, 2_700]
    assert all(len(one & other) < 10 for one, other in itertools.combinations(symbols, 2))  # single strokes


def test_later_writers_of_symbols_arent_in_both_parts(data_folder: Path) -> None:
    """The set is in the order of its writers: validation's part of each class comes before the test's."""
    if not (data_folder / "symbols").is_dir():
        pytest.skip("symbols is not here")
    whole = data.load("symbols", "test")
    place = {picture.tobytes(): row for row, picture in enumerate(whole.images)}
    validation, test = sources.symbols("validation"), sources.symbols("test")
    for label in range(len(whole.label_names)):
        last = max(place[picture.tobytes()] for picture in validation.images[validation.labels == label])
        first = min(place[picture.tobytes()] for picture in test.images[test.labels == label])
        assert last - first < 5  # but for a few that look the same
