"""Rows, not images, decide the change: the same row on a ramp of grey shows where its pixels come from."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage, stats

from inkdigits.learn.augment import augment, warn_of_flips
from inkdigits.learn.options import AugmentOptions
from inkdigits.types import Dataset, Images

Floats = NDArray[np.float64]

GEOMETRY = {"rotation": 20.0, "scale": 0.2, "shift": 2.5, "shear": 0.3, "elastic": 1.5}
ALL = {
    **GEOMETRY,
    "stroke": 1.5,
    "erasing": 0.5,
    "noise": 0.1,
    "flip_horizontal": True,
    "flip_vertical": True,
}
SLOPE = 9
"""Grey levels a pixel on the ramps, so that 28 pixels fit into a byte."""

each_alone = pytest.mark.parametrize(
    "asked", [{name: amount} for name, amount in ALL.items()] + [ALL], ids=str
)


def changed(
    images: Images | torch.Tensor,
    *,
    rows: NDArray[np.int64] | None = None,
    seed: int = 0,
    epoch: int = 0,
    **asked: Any,
) -> Images:
    """The images after `augment`, as NumPy's; rows 0 … n − 1 where none are named."""
    numbers = torch.arange(len(images)) if rows is None else torch.from_numpy(rows)
    found = augment(torch.as_tensor(images), numbers, AugmentOptions(**asked), seed=seed, epoch=epoch)
    assert found.dtype == torch.uint8
    assert found.shape == images.shape
    return found.numpy()


def same(image: Images | Floats, n: int) -> Images:
    """`n` copies of one image."""
    return np.tile(np.asarray(image, np.uint8), (n, 1, 1))


def sources(n: int, **asked: Any) -> tuple[Floats, NDArray[np.bool_]]:
    """Where each pixel of rows 0 … n − 1 comes from, (n, 2, 28, 28) as (down, across) from the centre.

    Beside it, (n, 28, 28), whether the pixel comes from well inside the image, so that this can be told.
    """
    down, across = np.mgrid[:28, :28]
    inside = ndimage.minimum_filter(changed(same(np.full((28, 28), 255), n), **asked), (0, 3, 3)) == 255
    found = [changed(same(SLOPE * ramp, n), **asked) / SLOPE - 13.5 for ramp in (down, across)]
    return np.stack(found, axis=1), inside


def affine(n: int, **asked: Any) -> tuple[Floats, Floats, Floats]:
    """The affine maps from output to source, (n, 2, 2), their shifts, (n, 2), and what these leave over."""
    found, inside = sources(n, **asked)
    at = np.mgrid[:28, :28] - 13.5
    maps, shifts, left = [], [], []
    for source, seen in zip(found, inside, strict=True):
        places = np.column_stack([at[0][seen], at[1][seen], np.ones(seen.sum())])
        fit, *_ = np.linalg.lstsq(places, source[:, seen].T, rcond=None)
        maps.append(fit[:2].T)
        shifts.append(fit[2])
        left.append(np.abs(places @ fit - source[:, seen].T).max())
    return np.array(maps), np.array(shifts), np.array(left)


def test_nothing_asked_is_nothing_changed(digits: Dataset) -> None:
    assert np.array_equal(changed(digits.images), digits.images)


@each_alone
def test_the_images_given_stay_as_they_are(asked: dict[str, Any], digits: Dataset) -> None:
    images = torch.from_numpy(digits.images[:64].copy())
    augment(images, torch.arange(64), AugmentOptions(**asked), seed=0, epoch=0)
    assert np.array_equal(images.numpy(), digits.images[:64])


@each_alone
def test_a_row_is_changed_alike_in_whatever_batch(asked: dict[str, Any], digits: Dataset) -> None:
    rows = np.array([5, 400, 17, 5, 0])
    whole = changed(digits.images, **asked)
    assert np.array_equal(changed(digits.images[rows], rows=rows, **asked), whole[rows])
    assert np.array_equal(changed(digits.images[17:18], rows=rows[2:3], **asked), whole[17:18])


@each_alone
def test_every_epoch_and_seed_brings_another_change(asked: dict[str, Any], digits: Dataset) -> None:
    images = digits.images[:64]
    seen = {changed(images, seed=s, epoch=e, **asked).tobytes() for s in range(3) for e in range(3)}
    assert len(seen) == 9
    assert changed(images, seed=1, epoch=2, **asked).tobytes() in seen


@settings(max_examples=40)
@example(asked={"stroke": 1.4e-45}, rows=[0, 1, 2], epoch=0)
@given(
    asked=st.fixed_dictionaries(
        {},
        optional={
            "rotation": st.floats(0, 180),
            "scale": st.floats(0, 0.9),
            "shift": st.floats(0, 14),
            "shear": st.floats(0, 2),
            "elastic": st.floats(0, 8),
            "stroke": st.floats(0, 3),
            "erasing": st.floats(0, 1),
            "noise": st.floats(0, 1),
            "flip_horizontal": st.booleans(),
            "flip_vertical": st.booleans(),
        },
    ),
    rows=st.lists(st.integers(0, 10**6), min_size=1, max_size=8),
    epoch=st.integers(0, 10_000),
)
def test_any_options_within_their_limits_give_images(
    asked: dict[str, Any], rows: list[int], epoch: int
) -> None:
    images = np.random.default_rng(len(rows)).integers(0, 256, (len(rows), 28, 28), np.uint8)
    numbers = np.array(rows)
    whole = changed(images, rows=numbers, epoch=epoch, **asked)
    assert np.array_equal(changed(images[-1:], rows=numbers[-1:], epoch=epoch, **asked), whole[-1:])


def test_a_shift_by_whole_pixels_is_padding_and_cutting() -> None:
    image = np.random.default_rng(0).integers(1, 256, (28, 28), np.uint8)
    padded = np.pad(image, 2)
    moved = {(d, a): padded[d : d + 28, a : a + 28].tobytes() for d in range(5) for a in range(5)}
    found = [each.tobytes() for each in changed(same(image, 2500), shift=2.9)]
    counts = [found.count(content) for content in moved.values()]
    assert sum(counts) == 2500
    assert stats.chisquare(counts).pvalue > 0.001


def test_a_shift_by_parts_of_a_pixel_moves_and_does_no_more() -> None:
    maps, shifts, left = affine(200, shift=0.7)
    assert np.abs(maps - np.eye(2)).max() < 0.01
    assert 0.65 < np.abs(shifts).max() < 0.71
    assert left.max() < 0.12


def test_a_rotation_turns_about_the_centre_within_its_limit() -> None:
    maps, shifts, left = affine(200, rotation=30)
    assert np.abs(maps @ maps.transpose(0, 2, 1) - np.eye(2)).max() < 0.02
    assert np.abs(shifts).max() < 0.05
    assert left.max() < 0.12
    angles = np.degrees(np.arctan2(maps[:, 0, 1], maps[:, 0, 0]))
    assert stats.kstest(angles, stats.uniform(-30, 60).cdf).pvalue > 0.001
    assert np.abs(angles).max() < 30.5


def test_a_rotation_agrees_with_scipy(digits: Dataset) -> None:
    maps, _, _ = affine(20, rotation=30)
    angles = np.degrees(np.arctan2(maps[:, 0, 1], maps[:, 0, 0]))
    turned = changed(digits.images[:20], rotation=30)
    for image, angle, found in zip(digits.images, angles, turned, strict=False):
        expected = ndimage.rotate(image.astype(float), angle, reshape=False, order=1, mode="grid-constant")
        assert np.abs(found - expected).mean() < 1
        assert np.abs(found - expected).max() < 15


def test_each_direction_is_scaled_by_itself_within_the_limit() -> None:
    maps, shifts, _ = affine(200, scale=0.2)
    factors = 1 / maps[:, (0, 1), (0, 1)]
    assert np.abs(maps[:, (0, 1), (1, 0)]).max() < 0.01
    assert np.abs(shifts).max() < 0.05
    low, high = np.quantile(factors, [0, 1])
    assert 0.79 < low < 0.82
    assert 1.18 < high < 1.21
    assert abs(np.corrcoef(factors[:, 0], factors[:, 1]).min()) < 0.2


def test_a_shear_slants_within_its_limit() -> None:
    maps, shifts, _ = affine(200, shear=0.4)
    slants = maps[:, 1, 0]
    assert np.abs(maps[:, (0, 1), (0, 1)] - 1).max() < 0.01
    assert np.abs(maps[:, 0, 1]).max() < 0.01
    assert np.abs(shifts).max() < 0.05
    assert 0.38 < np.abs(slants).max() < 0.41
    assert (slants > 0).mean() == pytest.approx(0.5, abs=0.15)


def test_all_affine_changes_together_are_one_affine_map_that_scipy_draws_alike(digits: Dataset) -> None:
    asked: dict[str, Any] = {name: amount for name, amount in GEOMETRY.items() if name != "elastic"}
    maps, shifts, left = affine(50, **asked)
    assert left.max() < 0.12
    drawn = changed(digits.images[:50], **asked)
    for image, matrix, shift, found in zip(digits.images, maps, shifts, drawn, strict=False):
        offset = shift + 13.5 - matrix @ [13.5, 13.5]
        expected = ndimage.affine_transform(
            image.astype(float), matrix, offset, order=1, mode="grid-constant"
        )
        assert np.abs(found - expected).mean() < 1
        assert np.abs(found - expected).max() < 15


def test_an_elastic_bend_is_smooth_small_and_no_affine_map() -> None:
    found, inside = sources(100, elastic=2.0)
    bends = np.where(inside[:, None], found - (np.mgrid[:28, :28] - 13.5), np.nan)
    assert 1.5 < np.nanmax(np.abs(bends)) < 3
    assert abs(np.nanmean(bends)) < 0.1
    for axis in (2, 3):
        assert np.nanmax(np.abs(np.diff(bends, axis=axis))) < 1
    _, _, left = affine(100, elastic=2.0)
    assert left.min() > 0.3


@pytest.mark.parametrize("width", [28, 280])
def test_a_bend_is_of_a_digits_size_however_long_the_picture(width: int) -> None:
    rows = np.tile(np.arange(28, dtype=np.uint8)[:, np.newaxis] * 9, (50, 1, width))
    found = changed(rows, elastic=2.0)[:, 8:20, 4:-4].astype(float)
    moved = found / 9 - np.arange(8, 20)[:, np.newaxis]
    apart = np.abs(moved[..., 14:] - moved[..., :-14]).mean()
    assert 0.8 < apart / moved.std() < 1.5  # two places half a digit's height apart move differently


def test_an_elastic_bend_keeps_the_ink(digits: Dataset) -> None:
    before = digits.images.sum(axis=(1, 2), dtype=float)
    after = changed(digits.images, elastic=2.0).sum(axis=(1, 2), dtype=float)
    assert (after / before).mean() == pytest.approx(1, abs=0.03)
    assert (after / before).std() < 0.15


@pytest.mark.parametrize("amount", [0.5, 1.0, 2.5])
def test_strokes_are_thickened_and_thinned_in_one_order(amount: float, digits: Dataset) -> None:
    found = changed(same(digits.images[0], 200), stroke=amount).astype(int)
    found = found[np.argsort(found.sum(axis=(1, 2)))]
    assert (np.diff(found, axis=0) >= 0).all()
    thickened = found.sum(axis=(1, 2)) > digits.images[0].sum()
    assert thickened.mean() == pytest.approx(0.5, abs=0.15)
    widest, thinnest = digits.images[0], digits.images[0]
    for _ in range(math.ceil(amount)):
        widest, thinnest = ndimage.grey_dilation(widest, 3), ndimage.grey_erosion(thinnest, 3)
    assert (thinnest <= found[0]).all()
    assert (found[-1] <= widest).all()


@pytest.mark.parametrize("amount", [0.5, 1.0, 2.0])
def test_a_stroke_grows_and_shrinks_by_the_pixels_asked_for(amount: float) -> None:
    bar = np.zeros((28, 28))
    bar[:, 10:18] = 255
    widths = changed(same(bar, 400), stroke=amount)[:, 14].sum(axis=1) / 255
    assert widths.max() == pytest.approx(8 + amount, abs=0.25 * amount)
    assert widths.min() == pytest.approx(8 - amount, abs=0.25 * amount)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_erasing_blackens_a_rectangle_in_the_asked_share_of_images(share: float) -> None:
    erased = changed(same(np.full((28, 28), 200), 2000), erasing=share) == 0
    hit = erased.any(axis=(1, 2))
    assert hit.mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 2000))
    down, across = erased.any(axis=2), erased.any(axis=1)
    assert np.array_equal(erased, down[:, :, None] & across[:, None, :])
    for sides in (down[hit], across[hit]):
        assert (np.abs(np.diff(sides.astype(int), axis=1)).sum(axis=1) <= 2).all()
        assert {5, 11} <= set(sides.sum(axis=1).tolist()) <= set(range(4, 13))
        assert sides.any(axis=0).all()


def test_noise_on_mid_grey_has_deviations_up_to_the_one_asked_for() -> None:
    noise = changed(same(np.full((28, 28), 128), 400), noise=0.1).astype(float) - 128
    deviations = noise.std(axis=(1, 2))
    assert stats.kstest(deviations, stats.uniform(0, 25.5).cdf).pvalue > 1e-3
    noise = noise[deviations > 5]
    assert noise.mean() == pytest.approx(0, abs=0.3)
    noise /= noise.std(axis=(1, 2), keepdims=True)
    assert abs(stats.skew(noise.ravel())) < 0.03
    assert abs(stats.kurtosis(noise.ravel())) < 0.05
    assert abs(np.corrcoef(noise[:, :, ::2].ravel(), noise[:, :, 1::2].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize(("name", "axis"), [("flip_horizontal", 2), ("flip_vertical", 1)])
def test_a_flip_mirrors_half_of_the_images(name: str, axis: int, digits: Dataset) -> None:
    asked: dict[str, Any] = {name: True}
    found = changed(digits.images, **asked)
    mirrored = (found == np.flip(digits.images, axis)).all(axis=(1, 2))
    untouched = (found == digits.images).all(axis=(1, 2))
    assert (mirrored | untouched).all()
    assert mirrored.mean() == pytest.approx(0.5, abs=0.1)


def test_both_flips_are_drawn_apart() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    found = changed(same(image, 1000), flip_horizontal=True, flip_vertical=True)
    kinds = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
    counts = [int((found == kind).all(axis=(1, 2)).sum()) for kind in kinds]
    assert sum(counts) == 1000
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("name", ["flip_horizontal", "flip_vertical"])
def test_flips_of_digits_come_with_a_warning(name: str) -> None:
    flipping = AugmentOptions(**{name: True})
    with pytest.warns(UserWarning, match="a mirrored 2 is no 2"):
        warn_of_flips(flipping, tuple("0123456789"))
    with pytest.warns(UserWarning, match="other signs"):
        warn_of_flips(flipping, ("7", "nothing"))


def test_nobody_is_warned_of_flipped_letters_or_of_digits_left_alone() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_flips(AugmentOptions(flip_horizontal=True), ("a", "b", "shirt"))
        warn_of_flips(AugmentOptions(rotation=10), tuple("0123456789"))
