"""Glyphs are ink without paper, as long as asked for, and stand for what they were made from."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits import data, image
from inkdigits.card import NONE
from inkdigits.data.drawn import glyphs, scraps
from inkdigits.data.drawn.glyphs import Source
from inkdigits.types import Images

FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
SEVEN = np.array([[10, 90], [40, 95], [90, 95], [60, 50], [40, 5], [25, 50], [50, 52], [75, 54]])
"""A crossed seven, as Pendigits would have it: the pen's way from its foot to its bar left no ink."""


def some_images(drawn: Images) -> Source:
    return glyphs.from_images(drawn, [str(row // 3) for row in range(len(drawn))])


@pytest.fixture(scope="module")
def sources(drawn: Images) -> dict[str, Source]:
    return {
        "images": some_images(drawn),
        "pen": glyphs.from_pen(SEVEN[np.newaxis], ["7"]),
        "font": glyphs.from_fonts([FONT], list("0123456789")),
    }


@given(
    name=st.sampled_from(["images", "pen", "font"]), length=st.integers(16, 160), seed=st.integers(0, 1000)
)
def test_a_glyph_is_as_long_as_asked_for_and_without_paper(
    sources: dict[str, Source], name: str, length: int, seed: int
) -> None:
    ink = sources[name](np.random.default_rng(seed), length).ink
    assert ink.dtype == np.uint8
    assert 0.6 * length <= max(ink.shape) <= 1.5 * length
    assert np.array_equal(glyphs.tight(ink), ink)
    assert ink.max() > 200


def test_the_same_random_numbers_give_the_same_glyph(sources: dict[str, Source]) -> None:
    for draw in sources.values():
        first, again, other = (draw(np.random.default_rng(seed), 60) for seed in (1, 1, 2))
        assert np.array_equal(first.ink, again.ink)
        assert not np.array_equal(first.ink, other.ink)


def test_an_image_enlarged_and_made_a_digit_image_again_is_nearly_itself(data_folder: Path) -> None:
    mnist = data.load("mnist", "test")
    for row in range(40):
        draw = glyphs.from_images(mnist.images[row : row + 1], [str(mnist.labels[row])])
        glyph = draw(np.random.default_rng(row), 100)
        made = image.digit(np.pad(glyph.ink, 20)).astype(float)
        plain = mnist.images[row].astype(float)
        shared = np.minimum(made, plain).sum() / min(made.sum(), plain.sum())
        assert glyph.label == str(mnist.labels[row])
        assert shared > 0.65


def test_the_pens_way_to_the_bar_of_a_seven_leaves_no_ink() -> None:
    parts = glyphs.lifted(SEVEN.astype(float), "7")
    assert [len(part) for part in parts] == [5, 2]
    assert np.array_equal(parts[1], SEVEN[-2:])
    assert len(glyphs.lifted(SEVEN.astype(float), "1")) == 1
    assert len(glyphs.lifted(SEVEN[:5].astype(float), "7")) == 1


def test_a_mixture_takes_each_source_as_often_as_it_says(sources: dict[str, Source]) -> None:
    one, other = (glyphs.from_fonts([FONT], ["5"], label=name) for name in ("one", "other"))
    draw = glyphs.mixed([(3.0, one), (1.0, other)])
    random = np.random.default_rng(0)
    share = np.mean([draw(random, 20).label == "one" for _ in range(400)])
    assert 0.68 < share < 0.82


def test_ink_that_is_nothing_is_a_pixel() -> None:
    assert glyphs.tight(np.zeros((5, 7), np.uint8)).shape == (1, 1)


@given(seed=st.integers(0, 2000), length=st.integers(40, 120))
def test_what_is_no_digit_says_so_and_has_ink(drawn: Images, seed: int, length: int) -> None:
    digits = some_images(drawn)
    kinds = (scraps.several(digits), scraps.crossed_out(digits), scraps.scribble, scraps.scrap)
    for kind in kinds:
        glyph = kind(np.random.default_rng(seed), length)
        assert glyph.label == NONE
        assert glyph.ink.max() > 100
        assert max(glyph.ink.shape) <= 4 * length


def test_several_digits_are_wider_than_one(drawn: Images) -> None:
    draw = scraps.several(some_images(drawn))
    random = np.random.default_rng(0)
    shapes = [draw(random, 60).ink.shape for _ in range(60)]
    assert np.mean([width > height for height, width in shapes]) > 0.9
