"""A strip is cut between its digits where least ink is, and each part is a digit image or blank."""

import numpy as np
import pytest

from inkdigits import image
from inkdigits.read import cuts
from inkdigits.types import Gray


def strokes(*columns: int, width: int = 80) -> Gray:
    """Upright strokes of three columns each, the middle ones given."""
    ink = np.zeros((32, width), np.uint8)
    for column in columns:
        ink[5:27, column - 1 : column + 2] = 255
    return ink


def frames_at(column: int) -> tuple[int, int]:
    """The frame that shows a column of a strip, which has black columns before it."""
    at = (column + image.MARGIN) // image.COLUMNS
    return at, at + 1


def test_cuts_lie_in_the_middle_of_what_is_empty_between_two_strokes() -> None:
    places = (12, 40, 64)
    found = cuts.at_frames(strokes(*places), [frames_at(column) for column in places])
    assert [found[0][0], found[-1][1]] == [0.0, 80.0]
    assert [end for _, end in found[:-1]] == pytest.approx([26.5, 52.5], abs=1)
    assert [first for first, _ in found[1:]] == [end for _, end in found[:-1]]


def test_strokes_that_touch_are_cut_where_least_ink_is() -> None:
    ink = strokes(12, 40)
    ink[14:18, 12:40] = 200
    ink[15:17, 20:22] = 0  # the thinnest place of the bridge
    (_, cut), _ = cuts.at_frames(ink, [frames_at(12), frames_at(40)])
    assert 20 <= cut <= 22


def test_nothing_is_cut_where_nothing_is() -> None:
    assert cuts.at_frames(strokes(12), []) == []
    assert cuts.at_frames(strokes(12), [frames_at(12)]) == [(0.0, 80.0)]
    assert cuts.digit(strokes(12), (30.0, 60.0)) is None


def test_a_part_is_made_the_digit_image_of_its_own_ink() -> None:
    ink = strokes(12, 40)
    ink[5:8, 40:54] = 255
    found = cuts.digit(ink, (26.0, 80.0))
    assert found is not None
    assert np.array_equal(found, image.digit(255 - ink[:, 26:80]))
