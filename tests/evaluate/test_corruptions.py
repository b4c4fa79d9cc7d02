"""The corruptions of MNIST-C against scikit-image, which the published set was made with, and by hand."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import feature, transform
from skimage.filters import gaussian
from skimage.util import random_noise

from inkdigits import data
from inkdigits.evaluate import corruptions
from inkdigits.types import Images

N = 60
Picture = NDArray[np.float64]


@pytest.fixture(scope="module")
def images(data_folder: str) -> Images:
    return data.load("mnist", "test").images[:N]


def turned(picture: Picture, matrix: NDArray[np.float64]) -> Picture:
    """The picture warped by scikit-image about its centre, by a map from places in it to places before."""
    whole = np.eye(3)
    whole[:2, :2] = matrix
    whole[:2, 2] = 13.5 * (1 - matrix.sum(axis=1))
    return np.asarray(transform.warp(picture, inverse_map=transform.AffineTransform(matrix=whole)))


def moved(picture: Picture, down: int, right: int) -> Picture:
    return np.asarray(transform.warp(picture, transform.AffineTransform(translation=(right, down))))


def rotation(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def shear(angle: float) -> NDArray[np.float64]:
    return np.array([[1, -np.sin(angle)], [0, np.cos(angle)]])  # as it was when MNIST-C was made


def canny(picture: Picture) -> Picture:
    return np.asarray(feature.canny(picture), np.float64)


@pytest.mark.parametrize("name", corruptions.NAMES)
def test_each_gives_digit_images_that_differ_and_the_same_for_the_same_seed(
    images: Images, name: str
) -> None:
    before = images.copy()
    found = corruptions.corrupted(images, name, seed=1)
    assert np.array_equal(images, before)
    assert found.shape == images.shape
    assert found.dtype == np.uint8
    assert (found != images).any(axis=(1, 2)).all()
    assert np.array_equal(found, corruptions.corrupted(images, name, seed=1))
    others = corruptions.corrupted(images, name, seed=2)
    is_random = name not in {"scale", "brightness", "stripe", "Canny edges"}
    assert np.array_equal(found, others) != is_random


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("rotate", [lambda each: turned(each, rotation(0.4)), lambda each: turned(each, rotation(-0.4))]),
        ("shear", [lambda each: turned(each, shear(0.4)), lambda each: turned(each, shear(-0.4))]),
        ("scale", [lambda each: turned(each, np.eye(2) / 0.7)]),
        (
            "translate",
            [
                lambda each, down=down, right=right: moved(each, down, right)
                for down in (-3, 3)
                for right in (-3, 3)
            ],
        ),
        ("brightness", [lambda each: np.clip(each + 0.5, 0, 1)]),
    ],
)
def test_moves_are_scikit_images(images: Images, name: str, ways: list[Callable[[Picture], Picture]]) -> None:
    """Each image is one of the ways that it may be moved, and all ways occur."""
    taken = set()
    for before, after in zip(images / 255, corruptions.corrupted(images, name) / 255, strict=True):
        away = [np.abs(way(before) - after).max() for way in ways]
        taken.add(int(np.argmin(away)))
        assert min(away) < 0.03
    assert taken == set(range(len(ways)))


def test_edges_are_those_of_scikit_image_but_for_a_few(images: Images) -> None:
    found = corruptions.corrupted(images, "Canny edges") > 0
    wanted = np.array([canny(each) for each in images / 255]) > 0
    assert (found & wanted).sum() / (found | wanted).sum() > 0.75
    assert found.sum() == pytest.approx(wanted.sum(), rel=0.1)


def test_blurs_are_scikit_images() -> None:
    picture = np.random.default_rng(3).random((28, 28))
    assert corruptions._blurred(picture, 1.5) == pytest.approx(gaussian(picture, sigma=1.5), abs=1e-3)
    down = corruptions._blurred_down(picture[np.newaxis], 0.7)[0]
    assert down == pytest.approx(gaussian(picture, sigma=(0.7, 0)), abs=1e-6)


def test_noise_has_scikit_images_and_numpys_moments(images: Images) -> None:
    found = corruptions.corrupted(images, "impulse noise")
    reference = np.array(
        [random_noise(each, "s&p", amount=0.17, rng=i) for i, each in enumerate(images / 255)]
    )
    assert found.mean() / 255 == pytest.approx(reference.mean(), rel=0.05)
    assert np.mean(found != images) == pytest.approx(np.mean(reference != images / 255), rel=0.05)
    grey = np.full((N, 28, 28), 51, np.uint8)
    shot = corruptions.corrupted(grey, "shot noise") / 255
    assert np.unique((shot * 3).round(2)).tolist() == [0, 1, 2, 3]
    assert shot.mean() == pytest.approx(0.2, rel=0.05)


def test_a_stripe_leaves_the_middle_and_turns_the_rest(images: Images) -> None:
    found = corruptions.corrupted(images, "stripe")
    assert np.array_equal(found[:, :, 7:21], images[:, :, 7:21])
    assert np.array_equal(found[:, :, :7], 255 - images[:, :, :7])
    assert np.array_equal(found[:, :, 21:], 255 - images[:, :, 21:])


def test_glass_is_the_slow_plain_one(images: Images) -> None:
    """One image at a time, pixel by pixel, with the same throws of the dice."""
    for i, before in enumerate(images[:5]):
        random = np.random.default_rng([i, corruptions.NAMES.index("glass blur")])
        plain = np.floor(gaussian(before / 255, sigma=(0.7, 0)) * 255)
        for _ in range(2):
            for row in range(27, 1, -1):
                for column in range(27, 1, -1):
                    if random.random(1)[0] < 0.5:
                        down, right = random.integers(-1, 1, (2, 1))[:, 0]
                        other = (row + down, column + right)
                        plain[row, column], plain[other] = plain[other], plain[row, column]
                    else:
                        random.integers(-1, 1, (2, 0))
        wanted = gaussian(plain / 255, sigma=(0.7, 0)) * 255
        found = corruptions.corrupted(before[np.newaxis], "glass blur", seed=i)[0]
        assert np.abs(found - wanted).max() <= 1.5


def test_motion_smears_along_its_angle_and_keeps_brightness() -> None:
    point = np.zeros((50, 28, 28), np.uint8)
    point[:, 14, 20] = 255
    found = corruptions.corrupted(point, "motion blur") / 255
    assert found.sum(axis=(1, 2)) == pytest.approx(1, abs=0.1)
    assert found[:, 14, 20] == pytest.approx(1 / np.exp(-(np.arange(21) ** 2) / 18).sum(), abs=0.003)  # σ = 3
    for each in found:
        rows, columns = np.nonzero(each)
        assert columns.max() == 20  # to one side
        assert np.abs(rows - 14).max() <= np.abs(columns - 20).max() + 1  # 45 degrees at most


def test_fog_lies_on_all_of_the_image_and_differs_from_image_to_image(images: Images) -> None:
    whole = np.full_like(images, 255)
    found = corruptions.corrupted(whole, "fog") / 255
    assert found.min() >= 1 / 4 - 0.01  # (x + 3·fog)/4 of a white one, fog being 0 to 1
    assert len({each.mean().round(3) for each in found}) > N / 2
    assert found.std(axis=(1, 2)).max() < 0.15
    blank = corruptions.corrupted(np.zeros_like(images), "fog")
    assert not blank.any()  # scaled by the brightest pixel, as the published set has it


def test_the_plasma_of_fog_is_the_slow_plain_one() -> None:
    """Squares and diamonds point by point, with the same throws of the dice."""
    side, step, wobble = 256, 256, 100.0
    random = np.random.default_rng(5)
    plain = np.zeros((side, side))

    def put(rows: range, columns: range, offsets: list[tuple[int, int]]) -> None:
        thrown = random.uniform(-wobble, wobble, (len(rows), len(columns)))
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                around = [plain[(row + down) % side, (column + right) % side] for down, right in offsets]
                plain[row, column] = np.mean(around) + wobble * thrown[i, j]

    while step >= 2:
        half = step // 2
        whole, between = range(0, side, step), range(half, side, step)
        beside = [(0, -half), (0, half), (-half, 0), (half, 0)]
        put(between, between, [(-half, -half), (-half, half), (half, -half), (half, half)])
        put(whole, between, beside)
        put(between, whole, beside)
        step, wobble = half, wobble / 1.4
    wanted = (plain - plain.min()) / np.ptp(plain)
    found = corruptions._plasma(np.random.default_rng(5))
    assert found == pytest.approx(wanted[:28, :28])


def test_spatter_is_mud_where_a_blurred_noise_is_high(images: Images) -> None:
    for i, before in enumerate(images[:5] / 255):
        random = np.random.default_rng([i, corruptions.NAMES.index("spatter")])
        liquid = gaussian(random.normal(0.65, 0.3, (28, 28)), sigma=1)
        mud = gaussian(np.where(liquid > 0.65, 1.0, 0.0), sigma=1.5)
        mud[mud < 0.8] = 0
        wanted = before * (1 - mud) + 63 / 255 * mud
        found = corruptions.corrupted(images[i : i + 1], "spatter", seed=i)[0] / 255
        assert np.abs(found - wanted).max() < 0.01
        assert (found != before).any()


def test_lines_are_as_thick_as_they_fade_and_zigzags_have_teeth() -> None:
    blank = np.zeros((N, 28, 28), np.uint8)
    dotted = corruptions.corrupted(blank, "dotted line") > 0
    lit = dotted.sum(axis=1)[dotted.any(axis=1)]
    assert lit.mean() == pytest.approx(2 * 2.3 * (1 - 1 / np.e), abs=0.15)  # log(1 − d/2.3) + 1 > 0
    shown = corruptions.corrupted(blank, "zigzag")[:, :, 4:24]
    is_whole = np.all(shown.any(axis=1), axis=1) & ~shown[:, [0, -1]].any(axis=(1, 2))
    assert is_whole.sum() > N / 4
    for each in shown[is_whole].astype(np.float64):
        middle = (each * np.arange(28)[:, np.newaxis]).sum(axis=0) / each.sum(axis=0)
        line = np.polyval(np.polyfit(np.arange(20), middle, 1), np.arange(20))
        assert 2.5 < np.ptp(middle - line) < 4.5  # teeth of two pixels to either side
        turns = np.count_nonzero(np.diff(np.sign(np.diff(middle - line))))
        assert 4 <= turns <= 6  # one every four pixels along it


@pytest.mark.parametrize(("name", "most"), [("dotted line", 0.12), ("zigzag", 0.2)])
def test_lines_only_add_ink_from_side_to_side(images: Images, name: str, most: float) -> None:
    found = corruptions.corrupted(images, name)
    assert (found >= images).all()
    blank = corruptions.corrupted(np.zeros_like(images), name)
    assert 0.02 < np.mean(blank > 0) < most
    columns = np.flatnonzero(blank.any(axis=(0, 1)))
    assert columns.min() <= 2
    assert columns.max() >= 24
    share_dark = np.mean(~blank[:, :, 2:25].any(axis=1))
    assert share_dark == pytest.approx(0.5 if name == "dotted line" else 0, abs=0.15)
