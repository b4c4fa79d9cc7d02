import math

import numpy as np
import pytest

from inkdigits.errors import UserError
from inkdigits.learn import options as learning
from inkdigits.learn import rate_finder
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.train import Stopped, Watch, train
from inkdigits.types import Dataset


def options(**values: object) -> TrainOptions:
    quick = {"model": "mlp", "width": 0.25, "batch": 64, "optimizer": "momentum", "precision": "fp32"}
    return learning.change(TrainOptions(), quick | values)


def rates(n: int) -> list[float]:
    return [10 * rate_finder.rising(step, n, TrainOptions()) for step in range(n)]


def test_the_rate_rises_by_the_same_factor_at_every_step_up_to_the_highest() -> None:
    shares = [rate_finder.rising(step, 50, TrainOptions()) for step in range(50)]
    assert shares[0] == pytest.approx(rate_finder.LOWEST_SHARE)
    assert shares[-1] == 1
    assert np.diff(np.log(shares)) == pytest.approx(math.log(1e6) / 49)


def test_smoothing_weighs_a_loss_by_how_many_steps_ago_it_was() -> None:
    losses = [2.5, 2.0, 2.2, 1.0]
    for n, smoothed in enumerate(rate_finder.smooth(losses), start=1):
        weights = [0.9 ** (n - 1 - i) for i in range(n)]
        assert smoothed == pytest.approx(np.average(losses[:n], weights=weights))


def test_the_suggestion_is_where_the_loss_falls_most_steeply() -> None:
    falling = [2.3 - 2 / (1 + (0.02 / rate) ** 2) for rate in rates(120)]  # halfway down, steepest, at 0.02
    suggestion = rate_finder.suggest(rates(120), falling)
    assert suggestion == pytest.approx(0.02, rel=0.2)


def test_what_comes_after_the_lowest_loss_is_not_looked_at() -> None:
    losses = [2.3 - 2 / (1 + (0.02 / rate) ** 2) + (50 if rate > 1 else 0) for rate in rates(120)]
    losses[-5:] = [10.0] * 5
    assert rate_finder.suggest(rates(120), losses) == pytest.approx(0.02, rel=0.2)


@pytest.mark.parametrize("losses", [[], [2.3], [2.3] * 120, list(np.linspace(2.3, 9, 120)), [math.nan] * 120])
def test_there_is_no_suggestion_where_the_loss_never_falls(losses: list[float]) -> None:
    assert rate_finder.suggest(rates(len(losses)), losses) is None


def test_on_a_quadratic_the_suggestion_lies_near_the_best_rate() -> None:
    curvature, weight, losses = 20.0, 1.0, []
    for rate in rates(120):
        losses.append(0.5 * curvature * weight**2)
        weight -= rate * curvature * weight
    best = 1 / curvature  # Newton's step
    suggestion = rate_finder.suggest(rates(120), rate_finder.smooth(losses[:90]))
    assert suggestion is not None
    assert best / 10 < suggestion < 2 * best


@pytest.mark.parametrize(("optimizer", "at_most"), [("sgd", 1.5), ("momentum", 1.5), ("adam", 0.05)])
def test_on_real_digits_the_suggestion_trains_where_far_lower_and_higher_rates_do_not(
    digits: Dataset, optimizer: str, at_most: float
) -> None:
    start = options(optimizer=optimizer, batch=16)
    suggestion = rate_finder.find(digits, start, watch=Watch()).suggestion
    assert suggestion is not None
    assert at_most / 100 < suggestion < at_most

    def accuracy(rate: float) -> float:
        tried = learning.change(start, {"learning_rate": rate, "epochs": 2.0})
        try:
            return train(digits, digits, tried).history[-1].validation_accuracy or 0
        except UserError:
            return 0.0

    assert accuracy(suggestion) > 0.8
    assert accuracy(suggestion) > accuracy(suggestion / 100) + 0.2
    assert accuracy(suggestion) > accuracy(min(suggestion * 100, 100.0)) + 0.2


def test_the_test_ends_early_where_the_loss_explodes(digits: Dataset) -> None:
    sweep = rate_finder.find(digits, options(), watch=Watch())
    assert 20 < len(sweep.rates) < rate_finder.N_STEPS
    assert len(sweep.losses) == len(sweep.rates)
    assert np.isfinite(sweep.losses).all()
    assert list(sweep.rates) == pytest.approx(rates(rate_finder.N_STEPS)[: len(sweep.rates)])


def test_the_same_options_give_the_same_sweep(digits: Dataset) -> None:
    first, second = (rate_finder.find(digits, options(averaging=0.5), watch=Watch()) for _ in range(2))
    assert first == second
    assert first == rate_finder.find(
        digits, options(learning_rate=0.001, epochs=7.0, least_steps=500), watch=Watch()
    )


def test_rates_above_what_options_may_hold_are_not_tried(digits: Dataset) -> None:
    apart = options(optimizer="muon", learning_rate=0.001, vector_rate=0.1)
    sweep = rate_finder.find(digits, apart, watch=Watch())
    assert max(sweep.rates) <= 1  # where the vector rate has come to 100


def test_a_set_smaller_than_a_batch_will_do(digits: Dataset) -> None:
    few = digits.select(np.arange(30), split="train")
    assert rate_finder.find(few, options(batch=512), watch=Watch()).suggestion is not None


def test_it_stops_when_asked(digits: Dataset) -> None:
    seen: list[int] = []
    watch = Watch(after_step=lambda step, _n, _loss: seen.append(step), stop=lambda: len(seen) == 7)
    with pytest.raises(Stopped):
        rate_finder.find(digits, options(), watch=watch)
    assert seen == [1, 2, 3, 4, 5, 6, 7]
