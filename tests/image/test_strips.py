"""A line of digits comes to the same strip whatever its size and paper; its columns lead back."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.errors import UserError
from inkdigits.image import strips
from inkdigits.types import Gray


def line(text: str = "90517", *, paper: int = 220, ink: int = 50, margin: int = 30) -> Gray:
    """A line of digits, dark on paper."""
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 2.0, 5)
    picture = np.full((height + below + 2 * margin, width + 2 * margin), paper, np.uint8)
    cv2.putText(picture, text, (margin, margin + height), cv2.FONT_HERSHEY_SIMPLEX, 2.0, ink, 5, cv2.LINE_AA)
    return picture


def difference(one: Gray, other: Gray) -> float:
    """How much of the ink isn't shared, 0 to 1, the one brought to the other's width."""
    same = cv2.resize(one, other.shape[::-1], interpolation=cv2.INTER_AREA).astype(float)
    return float(abs(same - other).sum() / (same.sum() + other.sum()))


@given(
    scale=st.floats(0.4, 2.5),
    paper=st.integers(140, 255),
    ink=st.integers(10, 90),
    margin=st.integers(5, 90),
    inverted=st.booleans(),
)
def test_a_line_comes_to_the_same_strip(
    scale: float, paper: int, ink: int, margin: int, *, inverted: bool
) -> None:
    picture = line(paper=paper, ink=ink, margin=margin)
    resized = np.asarray(
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )
    made = strips.strip(255 - resized if inverted else resized).ink
    plain = strips.strip(line()).ink
    assert made.shape[0] == strips.HEIGHT
    assert abs(made.shape[1] - plain.shape[1]) <= 0.1 * plain.shape[1]
    assert difference(made, plain) < 0.2


def test_columns_lead_back_to_the_picture() -> None:
    one, other = (line(text, margin=60)[-170:] for text in "18")
    picture = np.hstack([one, np.full((len(one), 150), 220, np.uint8), other])
    found = strips.strip(picture)
    eight = np.flatnonzero((picture[:, -100:] < 130).any(axis=0)) + picture.shape[1] - 100
    inked = (
        np.flatnonzero(found.ink[:, found.ink.shape[1] // 2 :].max(axis=0) > 128) + found.ink.shape[1] // 2
    )
    box = found.part(float(inked[0]), float(inked[-1] + 1))
    assert abs(box.x - eight[0]) <= 4
    assert abs(box.x + box.width - eight[-1]) <= 5
    rows = np.flatnonzero((picture < 130).any(axis=1))
    assert box.y <= rows[0]
    assert box.y + box.height >= rows[-1]


@pytest.mark.parametrize("climb", [-0.15, -0.06, 0.04, 0.12])
def test_a_line_that_climbs_or_falls_comes_out_level(climb: float) -> None:
    picture = line("9051774320", margin=120)
    height, width = picture.shape
    move = np.array([[1, 0, 0], [climb, 1, -climb * width / 2]], np.float32)
    sloping = np.asarray(cv2.warpAffine(picture, move, (width, height), borderValue=220), np.uint8)
    plain, found = strips.strip(picture), strips.strip(sloping)
    assert difference(found.ink, plain.ink) < 0.15
    for first in np.linspace(0, 0.9, 10) * found.ink.shape[1]:
        box = found.part(first, first + 0.1 * found.ink.shape[1])
        rows = np.flatnonzero((sloping[:, box.x : box.x + box.width] < 130).any(axis=1))
        assert abs(box.y - rows[0]) <= 0.1 * plain.box.height
        assert abs(box.y + box.height - rows[-1]) <= 0.1 * plain.box.height


def test_little_of_a_short_lines_slope_is_believed() -> None:
    zero = line("0", margin=20)
    picture = np.hstack([np.roll(zero, 6, axis=0), np.roll(zero, -6, axis=0)])
    across, down = strips.strip(picture).to_picture[:2, 0]
    assert 0 < -down / across < 0.4 * 12 / zero.shape[1]


def test_a_rule_below_a_line_doesnt_make_it_higher() -> None:
    picture = line(margin=40)
    ruled = picture.copy()
    cv2.line(ruled, (0, len(ruled) - 12), (ruled.shape[1], len(ruled) - 10), 60, 3)
    assert difference(strips.strip(ruled).ink, strips.strip(picture).ink) < 0.1


@pytest.mark.parametrize("rule", [slice(0, 1), slice(-1, None)])
def test_a_rule_at_the_rim_of_a_strip_is_no_part_of_a_digit(rule: slice) -> None:
    found = strips.strip(line(margin=60))
    plain = found.part(0, 24)
    found.ink[rule, :40] = 255
    assert found.part(0, 24) == plain


def test_a_stroke_that_leaves_the_strip_is_ink() -> None:
    found = strips.strip(line(margin=60))
    found.ink[10:, 4:8] = 255
    box = found.part(0, 24)
    assert box.y + box.height == found.box.y + found.box.height


def test_a_line_without_end_is_squeezed() -> None:
    picture = np.tile(line(margin=5), (1, 12))
    assert strips.strip(picture).ink.shape == (strips.HEIGHT, strips.LONGEST)


@pytest.mark.parametrize("level", [0, 130, 255])
def test_a_blank_line_is_refused(level: int) -> None:
    with pytest.raises(UserError, match="blank: it should show a line of digits"):
        strips.strip(np.full((40, 300), level, np.uint8))


def test_one_pixel_of_ink_is_a_strip() -> None:
    picture = np.full((30, 200), 255, np.uint8)
    picture[12, 80] = 0
    assert strips.strip(picture).ink.shape[0] == strips.HEIGHT


@pytest.mark.parametrize(("first", "end"), [(-3.0, -1.0), (-5.0, 2.0), (104.0, 106.0), (1e6, 2e6)])
def test_columns_beside_the_strip_lead_to_its_end(first: float, end: float) -> None:
    found = strips.strip(line())
    scale = found.box.width / found.ink.shape[1]
    box = found.part(first, end)
    assert found.box.x <= box.x < found.box.x + found.box.width
    assert box.width <= 4 * scale + 1
