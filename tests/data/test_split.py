"""A part is held out evenly, by whole writers where they are known, and always the same part."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.data import split
from inkdigits.errors import UserError
from inkdigits.types import Dataset


def numbered(n: int, *, n_classes: int = 10, n_groups: int | None = None) -> Dataset:
    """A data set whose images tell their row."""
    images = np.zeros((n, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(n) % 256, np.arange(n) // 256
    rng = np.random.default_rng(n)
    return Dataset(
        name="numbered",
        split="train",
        images=images,
        labels=rng.integers(0, n_classes, n),
        label_names=tuple(map(str, range(n_classes))),
        groups=None if n_groups is None else rng.integers(0, n_groups, n) * 7 + 3,
    )


def rows(dataset: Dataset) -> list[int]:
    low, high = dataset.images[:, 0, 0], dataset.images[:, 0, 1]
    return [int(one) + 256 * int(other) for one, other in zip(low, high, strict=True)]


def mixed(number: int) -> int:
    """SplitMix64 in plain integers, from its paper."""
    mask = (1 << 64) - 1
    z = (number + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


@given(n=st.integers(50, 600), fraction=st.floats(0.1, 0.9), seed=st.integers(-5, 2**40))
def test_every_row_is_in_exactly_one_part_in_its_order(n: int, fraction: float, seed: int) -> None:
    dataset = numbered(n)
    kept, held = split.by_row(dataset, fraction, seed=seed)
    assert sorted(rows(kept) + rows(held)) == list(range(n))
    assert rows(kept) == sorted(rows(kept))
    assert (held.labels == dataset.labels[rows(held)]).all()


@given(fraction=st.floats(0.1, 0.9), seed=st.integers(0, 1000))
def test_every_class_gives_the_same_fraction(fraction: float, seed: int) -> None:
    dataset = numbered(500)
    _, held = split.by_row(dataset, fraction, seed=seed)
    share = np.bincount(held.labels, minlength=10) - fraction * np.bincount(dataset.labels, minlength=10)
    assert np.abs(share).max() <= 0.5 + 1e-9


@given(fraction=st.floats(0.1, 0.9), seed=st.integers(0, 1000))
def test_no_writer_is_in_both_parts(fraction: float, seed: int) -> None:
    dataset = numbered(500, n_groups=40)
    kept, held = split.by_group(dataset, fraction, seed=seed)
    assert kept.groups is not None
    assert held.groups is not None
    assert not set(kept.groups.tolist()) & set(held.groups.tolist())
    assert abs(len(held) / 500 - fraction) < 0.04
    assert sorted(rows(kept) + rows(held)) == list(range(500))


def test_which_rows_are_held_out_is_a_matter_of_published_arithmetic() -> None:
    dataset = numbered(100, n_classes=1)
    _, held = split.by_row(dataset, 0.1, seed=7)
    offset = mixed(7)
    digests = [hashlib.sha256(image.tobytes()).digest() for image in dataset.images]
    numbers = [int.from_bytes(digest[:8], "little") for digest in digests]
    by_hash = sorted(range(100), key=lambda row: mixed(numbers[row] ^ offset))
    assert rows(held) == sorted(by_hash[:10])


def test_of_a_set_that_grows_hardly_a_row_changes_sides() -> None:
    whole = numbered(660, n_classes=1)
    before = set(rows(split.by_row(whole.select(np.arange(600), split="train"), 1 / 6, seed=0)[1]))
    after = set(rows(split.by_row(whole, 1 / 6, seed=0)[1]))
    came = {row for row in after - before if row < 600}
    assert len(came) + len(before - after) <= 12
    backwards = whole.select(np.arange(660)[::-1], split="train")
    assert set(rows(split.by_row(backwards, 1 / 6, seed=0)[1])) == after


def test_equal_images_are_not_divided() -> None:
    once = numbered(300, n_classes=1)
    twice = once.select(np.concatenate([np.arange(300), np.arange(300)]), split="train")
    kept, held = split.by_row(twice, 0.2, seed=0)
    assert not set(rows(kept)) & set(rows(held))


def test_a_few_of_every_class_are_the_same_few() -> None:
    dataset = numbered(300)
    some = split.few(dataset, 5, seed=2)
    assert np.bincount(some.labels).tolist() == [5] * 10
    assert rows(some) == sorted(rows(some)) == rows(split.few(dataset, 5, seed=2))
    assert rows(split.few(dataset, 5, seed=3)) != rows(some)
    assert len(split.few(dataset, 1000, seed=2)) == 300


def test_another_seed_holds_out_others() -> None:
    dataset = numbered(300)
    first, same, other = (rows(split.by_row(dataset, 0.2, seed=seed)[1]) for seed in (1, 1, 2))
    assert first == same != other


def test_groups_are_held_out_where_they_are_known_and_rows_where_not() -> None:
    dataset = numbered(300, n_groups=30)
    assert rows(split.hold_out(dataset, 0.2, seed=3)[1]) == rows(split.by_group(dataset, 0.2, seed=3)[1])
    alone = replace(dataset, groups=None)
    assert rows(split.hold_out(alone, 0.2, seed=3)[1]) == rows(split.by_row(alone, 0.2, seed=3)[1])


def test_the_parts_say_which_they_are() -> None:
    kept, held = split.by_row(numbered(100), 0.3, seed=0)
    assert (kept.split, held.split) == ("train", "validation")


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_an_impossible_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(UserError, match="it should be between 0 and 1"):
        split.hold_out(numbered(100), fraction, seed=0)


def test_a_fraction_that_leaves_a_part_empty_is_refused() -> None:
    with pytest.raises(
        UserError,
        match=r"holding out 0\.001 of the 100 images of numbered takes none of them: 501 images of a class",
    ):
        split.by_row(numbered(100), 0.001, seed=0)
    with pytest.raises(UserError, match="takes all of them: 6 images of a class would do"):
        split.by_row(numbered(10, n_classes=10), 0.91, seed=0)
    with pytest.raises(
        UserError, match="takes none of them: it takes about 2 groups of like size, and there is 1"
    ):
        split.by_group(numbered(100, n_groups=1), 0.3, seed=0)


@pytest.mark.parametrize("fraction", [0.001, 0.05, 0.1, 0.3, 0.77, 0.9, 0.98])
def test_the_number_of_images_that_a_refusal_names_is_enough_and_two_less_are_not(fraction: float) -> None:
    with pytest.raises(UserError) as caught:
        split.by_row(numbered(1, n_classes=1), fraction, seed=0)
    n_needed = int(str(caught.value).partition(" images of a class")[0].rpartition(" ")[2])
    split.by_row(numbered(n_needed, n_classes=1), fraction, seed=0)
    # One less is a tie where the fraction's share of it is one half, and those go to the even side.
    with pytest.raises(UserError, match=f" {n_needed} images of a class"):
        split.by_row(numbered(max(n_needed - 2, 1), n_classes=1), fraction, seed=0)


def test_groups_that_are_not_known_cannot_be_held_out() -> None:
    with pytest.raises(UserError, match="has no groups; split it by row"):
        split.by_group(numbered(100), 0.3, seed=0)
