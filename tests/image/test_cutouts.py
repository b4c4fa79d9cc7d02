"""A piece of paper cut out and laid on white reads as the whole sheet would; white paper stays as it is."""

import io
import time

import cv2
import numpy as np
import pytest
from PIL import Image

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.image.cutouts import on_own_paper
from inkdigits.types import Gray

OUTLINE = np.array([[0, 60], [250, 40], [480, 5], [599, 0], [599, 90], [300, 130], [40, 149], [0, 140]])


def sheet(paper: int = 185) -> Gray:
    """Digits on grey paper with some grain."""
    grain = np.random.default_rng(0).normal(paper, 2, (150, 600))
    drawn = np.clip(grain, 0, 255).astype(np.uint8)
    cv2.putText(drawn, "90517", (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 2.0, 90, 5, cv2.LINE_AA)
    return drawn


def inside() -> Gray:
    mask = np.zeros((150, 600), np.uint8)
    cv2.fillPoly(mask, [OUTLINE.astype(np.int32)], 255, cv2.LINE_AA)
    return mask


def cut_out(picture: Gray) -> Gray:
    """The picture within the outline, and white."""
    share = inside() / 255
    return np.asarray(np.rint(picture * share + 255 * (1 - share)), np.uint8)


def is_near(found: Gray, whole: Gray) -> bool:
    """Whether they differ by no more than grain, but for the tips of slivers of white."""
    return bool(np.mean(abs(found.astype(int) - whole) > 12) < 0.001)


@pytest.mark.parametrize("paper", [140, 185, 230])
def test_a_cut_out_has_the_strip_of_the_whole_sheet(paper: int) -> None:
    whole = sheet(paper)
    found = on_own_paper(cut_out(whole))
    assert is_near(found, whole)
    made, plain = (image.strip(picture).ink for picture in (found, whole))
    assert abs(made.shape[1] - plain.shape[1]) <= 4


def test_what_is_transparent_around_a_cut_out_is_filled_too() -> None:
    whole = sheet()
    held = io.BytesIO()
    Image.merge("LA", [Image.fromarray(whole), Image.fromarray(inside())]).save(held, "PNG")
    assert is_near(image.decode(held.getvalue()), whole)


@pytest.mark.parametrize("digit", list("0123456789"))
@pytest.mark.parametrize(("pen", "ink"), [(6, 0), (20, 90), (40, 150), (40, 200)])
def test_ink_on_white_stays_as_it_is_however_bold(digit: str, pen: int, ink: int) -> None:
    picture = np.full((220, 180), 255, np.uint8)
    cv2.putText(picture, digit, (20, 190), cv2.FONT_HERSHEY_SIMPLEX, 6.5, ink, pen, cv2.LINE_AA)
    rows, columns = (np.flatnonzero((picture < 250).any(axis=axis)) for axis in (1, 0))
    tight = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    for shown in (picture, tight):
        assert on_own_paper(shown) is shown


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (3, 3), (40, 40)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_plain_pictures_stay_as_they_are(shape: tuple[int, int], level: int) -> None:
    picture = np.full(shape, level, np.uint8)
    assert on_own_paper(picture) is picture


def test_ink_on_white_beside_a_grey_panel_stays() -> None:
    picture = np.full((400, 600), 255, np.uint8)
    picture[150:] = sheet()[:, :600].repeat(2, axis=0)[:250]
    cv2.putText(picture, "471", (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 2.0, 60, 4, cv2.LINE_AA)
    assert on_own_paper(picture) is picture


def test_ink_that_reaches_into_glare_stays() -> None:
    picture = sheet()
    picture[100:] = np.where(picture[100:] > 150, 255, picture[100:])
    found = on_own_paper(picture)
    assert np.array_equal(found[picture < 130], picture[picture < 130])


def test_a_cut_out_of_a_large_photo_takes_no_longer_than_its_decoding() -> None:
    large = np.asarray(cv2.resize(cut_out(sheet()), (4000, 3000), interpolation=cv2.INTER_NEAREST), np.uint8)
    started = time.perf_counter()
    assert on_own_paper(large) is not large
    assert time.perf_counter() - started < 10  # a blur at full size takes a minute


def test_a_cut_out_in_a_pdf_is_filled_too() -> None:
    held = io.BytesIO()
    Image.fromarray(cut_out(sheet())).save(held, "PDF", resolution=300)
    (page,) = image.pages(held.getvalue(), name="x.pdf")
    assert not isinstance(page, UserError)
    assert abs(image.strip(page).ink.shape[1] - image.strip(sheet()).ink.shape[1]) <= 4


def test_noise_of_any_size_is_borne() -> None:
    random = np.random.default_rng(1)
    for _ in range(300):
        shape = random.integers(1, 60, 2)
        picture = random.integers(0, 256, shape, np.uint8)
        picture[: random.integers(0, shape[0] + 1)] = 255
        assert on_own_paper(picture).shape == tuple(shape)
