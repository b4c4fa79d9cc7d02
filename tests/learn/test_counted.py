from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from inkdigits.learn import counted

MASK = (1 << 64) - 1
KEYS = st.integers(0, (1 << 63) - 1)
ROWS = st.lists(st.integers(0, 1 << 40), min_size=1, max_size=20)


def splitmix64(state: int) -> int:
    """The output of SplitMix64 at that state, in Python's own integers (Vigna's splitmix64.c)."""
    z = state & MASK
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def test_the_numbers_are_those_published_for_splitmix64() -> None:
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    found = counted.uniform(1234567, torch.arange(1, 6), 1)
    assert found[:, 0].tolist() == [(number >> 40) / 2**24 for number in published]


@given(key=KEYS, rows=ROWS, count=st.integers(1, 5))
def test_every_number_is_the_scalar_one(key: int, rows: list[int], count: int) -> None:
    found = counted.uniform(key, torch.tensor(rows), count)
    for i, row in enumerate(rows):
        for j in range(count):
            state = key + (row * count + j) * 0x9E3779B97F4A7C15
            assert found[i, j].item() == (splitmix64(state) >> 40) / 2**24


@given(key=KEYS, rows=ROWS, count=st.integers(1, 5))
def test_a_row_draws_the_same_alone_and_in_any_batch(key: int, rows: list[int], count: int) -> None:
    together = counted.uniform(key, torch.tensor(rows), count)
    alone = [counted.uniform(key, torch.tensor([row]), count) for row in rows]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(lambda: counted.uniform(counted.key(7), torch.arange(100_000), 1), id="over rows"),
        pytest.param(lambda: counted.uniform(counted.key(7), torch.arange(100), 1000), id="within rows"),
        pytest.param(
            lambda: torch.cat(
                [counted.uniform(counted.key(0, e), torch.arange(100), 1) for e in range(1000)]
            ),
            id="over epochs",
        ),
    ],
)
def test_numbers_are_even_and_independent(numbers: Callable[[], torch.Tensor]) -> None:
    x = numbers().flatten().double().numpy()
    assert x.min() >= 0
    assert x.max() < 1
    assert x.mean() == pytest.approx(1 / 2, abs=4 * np.sqrt(1 / 12 / len(x)))
    assert x.var() == pytest.approx(1 / 12, abs=4 * np.sqrt(1 / 180 / len(x)))
    assert stats.chisquare(np.histogram(x, 100, (0, 1))[0]).pvalue > 0.001
    pairs = np.histogram2d(x[:-1:2], x[1::2], 20, ((0, 1), (0, 1)))[0]
    assert stats.chisquare(pairs.ravel()).pvalue > 0.001


@given(first=st.lists(KEYS, max_size=4), second=st.lists(KEYS, max_size=4))
def test_other_numbers_give_another_key(first: list[int], second: list[int]) -> None:
    assert (counted.key(*first) == counted.key(*second)) == (first == second)
    assert 0 <= counted.key(*first) < 1 << 63


def test_small_neighbouring_numbers_give_keys_that_share_nothing() -> None:
    keys = {counted.key(a, b, c) for a in range(20) for b in range(20) for c in range(20)}
    assert len(keys) == 8000
    ones = [bin(counted.key(0, e) ^ counted.key(0, e + 1)).count("1") for e in range(1000)]
    assert np.mean(ones) == pytest.approx(31.5, abs=1)


@given(n=st.integers(1, 300), seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 10_000))
def test_an_order_is_a_permutation_and_counted(n: int, seed: int, epoch: int) -> None:
    order = counted.order(n, seed=seed, epoch=epoch)
    assert order.dtype == torch.int64
    assert order.sort().values.tolist() == list(range(n))
    assert torch.equal(order, counted.order(n, seed=seed, epoch=epoch))


def test_every_epoch_and_every_seed_has_an_order_of_its_own() -> None:
    orders = {tuple(counted.order(50, seed=s, epoch=e).tolist()) for s in range(30) for e in range(30)}
    assert len(orders) == 900


def test_drawing_leaves_the_global_generator_where_it_was() -> None:
    before = torch.get_rng_state()
    counted.uniform(counted.key(1), torch.arange(10), 3)
    counted.order(10, seed=1, epoch=2)
    assert torch.equal(before, torch.get_rng_state())
