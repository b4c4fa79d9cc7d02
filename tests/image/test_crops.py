"""What surrounds a digit in a crop (rules, a box, a neighbour, shade) leaves its digit image as it is."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkdigits import data, image
from inkdigits.errors import UserError
from inkdigits.image.paper import has_bright_ink
from inkdigits.image.rules import find_rules
from inkdigits.types import Gray, Images

N = 60

TOLERANCE = 0.35
"""How much of the ink may differ where a digit is photographed otherwise: most of all of a thin one."""


@pytest.fixture(scope="module")
def mnist(data_folder: Path) -> Images:
    return data.load("mnist", "test").images[:N]


def on_paper(digit: Gray, *, side: int = 112, paper: int = 230, ink: int = 40) -> Gray:
    """The digit at four times its size, dark on paper, in the middle of a square crop."""
    large = cv2.resize(digit, (84, 84), interpolation=cv2.INTER_CUBIC)
    edge = (side - 84) // 2
    depth = np.pad(large, edge).astype(np.float32) / 255
    return np.rint(paper - depth * (paper - ink)).astype(np.uint8)


def differences(pictures: list[Gray], plain: list[Gray]) -> list[float]:
    """How much of the ink of each pair of digit images isn't shared, 0 to 1.

    One of them may be moved by a pixel: where ink is centred by whole pixels, a trace more of it can do that.
    """
    return [_difference(image.digit(a), image.digit(b)) for a, b in zip(pictures, plain, strict=True)]


def _difference(one: Gray, other: Gray) -> float:
    a, b = one.astype(float), other.astype(float)
    moved = [np.roll(a, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return float(min(abs(each - b).sum() for each in moved) / (a.sum() + b.sum()))


def ruled(picture: Gray, *, n: int, slope: float = 0.0, thickness: int = 1, level: int = 120) -> Gray:
    drawn, (height, width) = picture.copy(), picture.shape
    for y in np.linspace(0, height, n + 2)[1:-1]:
        cv2.line(drawn, (0, int(y)), (width, int(y + slope * width)), level, thickness)
    return np.minimum(drawn, picture)


def boxed(picture: Gray, *, inset: int, thickness: int = 3) -> Gray:
    drawn = picture.copy()
    end = len(picture) - 1 - inset
    cv2.rectangle(drawn, (inset, inset), (end, end), 30, thickness)
    return drawn


@pytest.mark.parametrize("slope", [0.0, 0.05, -0.08])
def test_rules_through_a_digit_are_left_out(slope: float, mnist: Images) -> None:
    plain = [on_paper(each) for each in mnist]
    found = differences([ruled(each, n=3, slope=slope) for each in plain], plain)
    assert np.median(found) < 0.15
    assert np.mean(np.array(found) < 0.3) > 0.9


@pytest.mark.parametrize("inset", [-1, 2, 6])
def test_the_box_around_a_digit_is_left_out(inset: int, mnist: Images) -> None:
    plain = [on_paper(each) for each in mnist]
    found = differences([boxed(each, inset=inset) for each in plain], plain)
    assert np.median(found) < 0.05
    assert np.mean(np.array(found) < 0.2) > 0.95


def test_a_neighbours_ink_at_the_rim_is_left_out(mnist: Images) -> None:
    plain = [on_paper(each) for each in mnist]
    beside = [
        np.hstack([other[:, 58:98], each]) for each, other in zip(plain, plain[1:] + plain[:1], strict=True)
    ]
    found = differences(beside, plain)
    assert np.mean(np.array(found) < 0.05) > 0.9


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("ends", [40, 112])
def test_a_frame_at_the_rim_of_an_empty_cell_is_no_digit(turns: int, ends: int) -> None:
    cell = np.full((112, 112), 210, np.uint8)
    cell[:ends, 103:] = 60
    with pytest.raises(UserError, match="blank"):
        image.digit(np.ascontiguousarray(np.rot90(cell, turns)))


def is_blank(picture: Gray) -> bool:
    try:
        image.digit(picture)
    except UserError as error:
        return "blank" in str(error)
    return False


@pytest.mark.parametrize("shape", [(55, 3), (85, 7), (12, 113), (174, 36), (86, 86), (300, 200)])
def test_grain_is_blank(shape: tuple[int, int]) -> None:
    grains = [np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8) for seed in range(30)]
    assert all(is_blank(grain) for grain in grains)


def test_grain_so_dark_that_it_seems_ruled_is_blank() -> None:
    for seed in range(30):
        normal = np.random.default_rng(seed).normal(3, 8, (102, 164))
        assert is_blank(np.clip(normal, 0, 255).astype(np.uint8))


def test_a_page_too_narrow_for_writing_has_no_lines() -> None:
    grain = np.random.default_rng(0).integers(0, 256, (55, 4)).astype(np.uint8)
    assert image.find_lines(grain) == []


def test_a_hairline_digit_is_no_grain() -> None:
    picture = np.full((90, 70), 220, np.uint8)
    cv2.putText(picture, "7", (10, 80), cv2.FONT_HERSHEY_SIMPLEX, 2.6, 60, 1)
    assert image.digit(picture).any()


def test_a_stroke_that_fills_its_crop_is_a_digit() -> None:
    crop = np.full((112, 48), 210, np.uint8)
    crop[:, 20:30] = 60
    assert image.digit(crop).any()


def test_two_digits_are_seen_as_two(mnist: Images) -> None:
    plain = [on_paper(each) for each in mnist]
    pairs = [np.hstack([a[:, 12:-12], b[:, 12:-12]]) for a, b in itertools.pairwise(plain)]
    widths = [np.ptp(np.nonzero(image.digit(pair))[1]) for pair in pairs]
    heights = [np.ptp(np.nonzero(image.digit(pair))[0]) for pair in pairs]
    assert np.mean(np.array(widths) > np.array(heights)) > 0.95


def test_a_digits_own_bars_are_no_rules(mnist: Images) -> None:
    for each in mnist:
        ink = (on_paper(each) < 130).astype(np.uint8)
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        margin = len(rows) // 8
        tight = np.pad(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], margin)
        assert not find_rules(tight).any()


@settings(max_examples=60)
@given(
    row=st.integers(0, N - 1),
    paper=st.integers(100, 220),
    share=st.floats(0.1, 0.7),
    gradient=st.floats(-0.3, 0.3),
    edges=st.tuples(*[st.integers(0, 60)] * 4),
    scale=st.floats(0.5, 3.0),
    inverted=st.booleans(),
)
def test_the_same_digit_gives_the_same_image_however_it_is_photographed(
    mnist: Images,
    row: int,
    paper: int,
    share: float,
    gradient: float,
    edges: tuple[int, int, int, int],
    scale: float,
    inverted: bool,
) -> None:
    plain = on_paper(mnist[row])
    top, bottom, left, right = edges
    depth = (
        230 - cv2.copyMakeBorder(plain, top, bottom, left, right, cv2.BORDER_REPLICATE).astype(float)
    ) / 190
    light = paper * (1 + gradient * np.linspace(-0.5, 0.5, depth.shape[1]))
    picture = np.clip(light * (1 - depth * (1 - share)), 0, 255).astype(np.uint8)
    resized = np.asarray(
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )
    (difference,) = differences([255 - resized if inverted else resized], [plain])
    assert difference < TOLERANCE


@pytest.mark.parametrize("level", [90, 230])
def test_polarity_is_told_by_the_width_of_strokes(level: int, mnist: Images) -> None:
    shade = np.linspace(level - 60, level, 112)
    for each in mnist:
        dark = np.clip(on_paper(each).astype(float) * shade / 255, 0, 255).astype(np.uint8)
        assert not has_bright_ink(dark)
        assert has_bright_ink(255 - dark)
        assert not has_bright_ink(boxed(dark, inset=0, thickness=6))


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_a_part_of_a_frame_that_comes_in_from_the_rim_is_no_part_of_a_digit(
    turned: int, mnist: Images
) -> None:
    plain = [on_paper(each, side=140) for each in mnist]
    pictures = []
    for each in plain:
        frame = np.full_like(each, 230)
        cv2.line(frame, (50, 16), (140, 5), 40, 6, cv2.LINE_AA)
        pictures.append(np.minimum(each, np.rot90(frame, turned)))
    assert np.mean(np.array(differences(pictures, plain)) < 0.1) > 0.95


def test_dark_ink_is_found_among_more_dark_than_paper_where_it_is_known_to_be_dark(mnist: Images) -> None:
    plain = [on_paper(each) for each in mnist]
    framed = [np.pad(each, ((0, 0), (44, 0)), constant_values=70) for each in plain]
    found = [image.find_digit(each, bright_ink=False)[0] for each in framed]
    assert np.mean([has_bright_ink(each) for each in framed]) > 0.5
    assert np.mean([_difference(a, image.digit(b)) < 0.2 for a, b in zip(found, plain, strict=True)]) > 0.9


@given(
    kind=st.sampled_from(["noise", "grain", "blobs", "specks", "line", "slope"]),
    shape=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    seed=st.integers(0, 100_000),
)
def test_any_picture_gives_a_digit_image_inside_it_or_a_sentence(
    kind: str, shape: tuple[int, int], seed: int
) -> None:
    picture = odd_picture(kind, shape, np.random.default_rng(seed))
    try:
        made, box = image.find_digit(picture)
    except UserError:
        return
    assert made.shape == (28, 28)
    assert made.any()
    assert min(box.x, box.y) >= 0
    assert min(box.width, box.height) >= 1
    assert box.x + box.width <= shape[1]
    assert box.y + box.height <= shape[0]


def odd_picture(kind: str, shape: tuple[int, int], random: np.random.Generator) -> Gray:
    height, width = shape
    if kind == "noise":
        return random.integers(0, 256, shape, np.uint8)
    if kind == "grain":
        return np.clip(random.normal(random.uniform(0, 255), random.uniform(0, 30), shape), 0, 255).astype(
            np.uint8
        )
    if kind == "blobs":
        small = random.integers(0, 256, random.integers(1, 9, 2), np.uint8)
        return np.asarray(
            cv2.resize(small, (width, height), interpolation=int(random.integers(0, 3))), np.uint8
        )
    if kind == "specks":
        return ((random.random(shape) < random.uniform(0, 0.1)) * random.integers(1, 256)).astype(np.uint8)
    if kind == "slope":
        across, down = (np.linspace(0, random.uniform(0, 120), length) for length in (width, height))
        return np.add.outer(down, across).astype(np.uint8)
    picture = np.full(shape, random.integers(256), np.uint8)
    start, end = ((int(random.integers(width)), int(random.integers(height))) for _ in range(2))
    cv2.line(picture, start, end, int(random.integers(256)), int(random.integers(1, 30)))
    return picture
