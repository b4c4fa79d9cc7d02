"""Pictures of digits that differ as pages do, against what they are meant to differ in."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator
from PIL import Image, ImageOps
from skimage import measure, morphology
from sklearn.linear_model import LinearRegression

from inkdigits import data, image
from inkdigits.evaluate import invariances
from inkdigits.types import Gray, Images

N = 40


@pytest.fixture(scope="module")
def images(data_folder: Path) -> Images:
    return data.load("mnist", "test").images[:N]


def picture(digit: Gray, name: str, seed: int = 0) -> Image.Image:
    """The picture as it is encoded, before anything of ours has seen it."""
    return Image.open(io.BytesIO(invariances._WAYS[name](digit, np.random.default_rng(seed))))


def overlap(first: Images, second: Images) -> float:
    """How much of the ink of both is that of both, on average."""
    both, either = np.minimum(first, second), np.maximum(first, second)
    return float(np.mean(both.sum(axis=(1, 2), dtype=float) / either.sum(axis=(1, 2), dtype=float)))


@pytest.mark.parametrize("name", [invariances.PLAIN, *invariances.NAMES])
def test_what_comes_back_is_a_digit_image_much_like_the_first(images: Images, name: str) -> None:
    found = invariances.shown(images, name, seed=3)
    assert image.are_digit_images(found).all()
    assert np.array_equal(found, invariances.shown(images, name, seed=3))
    least = {"stroke 1 to 6 px": 0.45, "slant ± 15°": 0.45}.get(name, 0.6)
    assert overlap(found, images) > least


def test_pictures_differ_in_what_they_say_they_do(images: Images) -> None:
    digit = images[0]
    plain, negative = (np.asarray(picture(digit, name)) for name in (invariances.PLAIN, "polarity"))
    assert plain[0, 0] == 255
    assert np.array_equal(negative, 255 - plain)
    alpha = picture(digit, "alpha")
    assert (alpha.mode, alpha.getextrema()) == ("RGBA", ((0, 0), (0, 0), (0, 0), (0, 255)))
    jpeg = picture(digit, "JPEG 30")
    assert jpeg.format == "JPEG"
    assert 5 < np.abs(np.asarray(jpeg).astype(int) - plain).max() < 200


def test_corners_and_sizes_are_all_there(images: Images) -> None:
    corners, sizes = set(), []
    for seed in range(60):
        ys, xs = np.nonzero(np.asarray(picture(images[0], "corner", seed)) < 128)
        corners.add((ys.mean() > 100, xs.mean() > 100))
        ys, _ = np.nonzero(np.asarray(picture(images[0], "scale 0.3 to 1", seed)) < 128)
        sizes.append(ys.max() - ys.min())
    assert len(corners) == 4
    assert max(sizes) / min(sizes) == pytest.approx(1 / 0.3, rel=0.25)


def test_photos_are_turned_every_way_and_say_so(images: Images) -> None:
    found = [picture(images[0], "EXIF turns", seed) for seed in range(60)]
    assert {each.getexif()[0x0112] for each in found} == set(range(1, 9))
    upright = np.asarray(picture(images[0], invariances.PLAIN)).astype(int)
    for each in found:
        assert np.abs(np.asarray(ImageOps.exif_transpose(each)) - upright).mean() < 3


def test_strokes_are_as_wide_as_was_thrown(images: Images) -> None:
    """Ink over the length of its middle line, which scikit-image finds."""
    widths: dict[int, list[float]] = {}
    for seed in range(30):
        width = int(np.random.default_rng(seed).integers(1, 7))
        inked = np.asarray(picture(images[seed], "stroke 1 to 6 px", seed)) < 128
        length = morphology.skeletonize(inked).sum()
        widths.setdefault(width, []).append(inked.sum() / length)
        before = np.asarray(picture(images[seed], invariances.PLAIN, seed)) < 128
        assert measure.label(inked).max() == measure.label(before).max()
    for width, found in widths.items():
        assert 0.9 * width <= np.mean(found) <= 1.25 * width + 0.25  # a middle line counts slopes short
    assert len(widths) == 6


def test_an_upright_bar_leans_as_far_as_was_thrown() -> None:
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 13:15] = 255
    for seed in range(10):
        degrees = np.random.default_rng(seed).uniform(-15, 15)
        ys, xs = np.nonzero(np.asarray(picture(bar, "slant ± 15°", seed)) < 128)
        slope = LinearRegression().fit(ys[:, np.newaxis], xs).coef_[0]
        assert np.rad2deg(np.arctan(slope)) == pytest.approx(degrees, abs=1)


def test_a_blank_one_is_black(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    def blank(_digit: Gray, _random: Generator) -> bytes:
        return invariances._png(np.full((50, 50), 255, np.uint8))

    monkeypatch.setitem(invariances._WAYS, invariances.PLAIN, blank)
    assert not invariances.shown(images[:2], invariances.PLAIN).any()
