import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkdigits.learn import schedule
from inkdigits.learn.options import CHOICES, TrainOptions


def course(n_steps: int, **asked: Any) -> list[float]:
    options = TrainOptions(**asked)
    return [schedule.factor(step, n_steps, options) for step in range(n_steps)]


@pytest.mark.parametrize("decay", CHOICES["decay"])
def test_the_warm_up_climbs_in_even_steps_to_the_top(decay: str) -> None:
    found = course(100, warmup=0.2, decay=decay)
    assert found[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])


def test_a_linear_decay_falls_in_even_steps_to_just_above_zero() -> None:
    found = course(100, warmup=0.2, decay="linear")
    assert found[20:] == pytest.approx([(80 - step) / 80 for step in range(80)])


def test_a_cosine_decay_is_half_a_wave() -> None:
    found = course(100, warmup=0.2, decay="cosine")
    assert found[20:] == pytest.approx([(1 + math.cos(math.pi * step / 80)) / 2 for step in range(80)])


def test_without_decay_and_warm_up_the_rate_stays() -> None:
    assert course(50, warmup=0.0, decay="none") == [1.0] * 50


def test_without_warm_up_the_first_step_has_the_whole_rate() -> None:
    for decay in CHOICES["decay"]:
        assert course(10, warmup=0.0, decay=decay)[0] == 1.0


@given(
    n_steps=st.integers(1, 10**9),
    warmup=st.floats(0, 0.999),
    decay=st.sampled_from(CHOICES["decay"]),
    data=st.data(),
)
def test_the_factor_is_above_zero_and_at_most_one(
    n_steps: int, warmup: float, decay: str, data: st.DataObject
) -> None:
    options = TrainOptions(warmup=warmup, decay=decay)
    for step in (0, n_steps - 1, data.draw(st.integers(0, n_steps - 1))):
        assert 0 < schedule.factor(step, n_steps, options) <= 1


@given(n_steps=st.integers(1, 300), warmup=st.floats(0, 0.999), decay=st.sampled_from(CHOICES["decay"]))
def test_the_rate_rises_then_falls(n_steps: int, warmup: float, decay: str) -> None:
    turns = np.diff(np.sign(np.diff(course(n_steps, warmup=warmup, decay=decay))))
    assert (turns <= 0).all()
