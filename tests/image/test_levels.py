"""What is said of a picture by how many pixels have each level is what NumPy says of its pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.image import levels
from inkdigits.types import Gray


def picture(height: int, width: int, *, top: int, seed: int) -> Gray:
    return np.random.default_rng(seed).integers(0, top + 1, (height, width), np.uint8)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 255), st.integers(0, 1000))
def test_levels_are_counted(height: int, width: int, top: int, seed: int) -> None:
    shown = picture(height, width, top=top, seed=seed)
    counted = levels.counts(shown)
    assert counted.tolist() == [int((shown == level).sum()) for level in range(256)]
    assert levels.median(counted) == np.median(shown)
    assert levels.mean(counted) == pytest.approx(shown.mean())
    bright = shown[shown >= 3]
    assert levels.mean(counted[3:], first=3) == pytest.approx(bright.mean() if len(bright) else 3)


def test_otsus_level_parts_two_kinds_of_pixels() -> None:
    shown = np.repeat([20, 25, 200, 210], 100).astype(np.uint8).reshape(20, 20)
    assert 25 <= levels.otsu(shown) < 200
