"""Photos of glyphs: of the promised sizes, always the same, and with the digit still to be found in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits import image
from inkdigits.data.drawn import glyphs, photos
from inkdigits.data.drawn.glyphs import Glyph, Source
from inkdigits.data.drawn.paper import paper
from inkdigits.errors import UserError
from inkdigits.types import Images


@pytest.fixture(scope="module")
def digits(drawn: Images) -> Source:
    return glyphs.from_images(drawn, [str(row // 3) for row in range(len(drawn))])


@given(height=st.integers(20, 300), width=st.integers(20, 600), seed=st.integers(0, 10_000))
def test_paper_is_bright_and_of_the_shape_asked_for(height: int, width: int, seed: int) -> None:
    sheet = paper((height, width), np.random.default_rng(seed))
    assert sheet.shape == (height, width)
    assert sheet.dtype == np.float32
    assert np.isfinite(sheet).all()
    assert 30 < np.median(sheet) < 330


@given(seed=st.integers(0, 10_000))
def test_a_photo_is_a_grey_picture_of_a_crops_size(digits: Source, seed: int) -> None:
    random = np.random.default_rng(seed)
    picture = photos.photo(digits(random, 80), random, neighbours=digits).picture
    assert picture.dtype == np.uint8
    assert picture.ndim == 2
    assert 4 <= max(picture.shape) <= photos.LONGEST + 1


def test_the_same_random_numbers_give_the_same_photo(digits: Source) -> None:
    made = []
    for seed in (3, 3, 4):
        random = np.random.default_rng(seed)
        made.append(photos.photo(digits(random, 80), random, neighbours=digits).picture)
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_most_digits_are_found_again_in_their_photos(digits: Source) -> None:
    random = np.random.default_rng(0)
    shared = []
    for _ in range(150):
        glyph = Glyph(ink=photos.bent(digits(random, 90).ink, random), label="")
        sheet = paper(np.add(glyph.ink.shape, 40).tolist(), random)
        length = max(sheet.shape)
        scale = random.uniform(photos.SHORTEST, photos.LONGEST) / length
        picture = photos.developed(np.pad(glyph.ink, 20), sheet, random, length=length, scale=scale)
        plain = image.digit(np.pad(glyph.ink, 20)).astype(float)
        try:
            made = image.digit(picture).astype(float)
        except UserError:
            made = np.zeros_like(plain)
        shared.append(np.minimum(made, plain).sum() / plain.sum())
    assert np.mean(np.array(shared) > 0.5) > 0.8
    assert np.median(shared) > 0.65


def test_ink_bent_keeps_about_its_size(digits: Source) -> None:
    for seed in range(30):
        random = np.random.default_rng(seed)
        ink = digits(random, 80).ink
        assert 0.7 < max(photos.bent(ink, random).shape) / max(ink.shape) < 1.6


@given(seed=st.integers(0, 10_000))
def test_a_photo_says_where_its_glyph_is(digits: Source, seed: int) -> None:
    random = np.random.default_rng(seed)
    made = photos.photo(digits(random, 80), random)
    box, (height, width) = made.box, made.picture.shape
    assert 0 <= box.x < box.x + box.width <= width + 1
    assert 0 <= box.y < box.y + box.height <= height + 1
    assert max(box.width, box.height) > 0.2 * max(height, width)


def test_the_ink_of_most_photos_is_found_in_the_glyphs_box(digits: Source) -> None:
    random, off = np.random.default_rng(0), []
    for _ in range(60):
        made = photos.photo(digits(random, 80), random)
        try:
            found = image.find_digit(made.picture)[1]
        except UserError:
            continue
        there, true = (np.array([b.x, b.y, b.x + b.width, b.y + b.height]) for b in (found, made.box))
        off.append(np.abs(there - true).max() / max(made.picture.shape))
    assert np.median(off) < 0.06
