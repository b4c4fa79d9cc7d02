"""What a search over the training options may change, and how far."""

from collections.abc import Collection, Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from inkdigits.learn import optimizers
from inkdigits.learn import options as learning
from inkdigits.learn.networks import registry
from inkdigits.learn.options import TrainOptions

Space = dict[str, BaseDistribution]
"""The options searched, by name, each with its range or its choices."""

AROUND_RATE = 10.0
"""How many times higher and lower than the finder's suggestion a learning rate may be."""

RATES = (1e-6, 100.0)
"""The lowest and the highest rate ever drawn."""

BATCHES = (64, 128, 256, 512)

AMOUNTS: Mapping[str, tuple[float, float]] = {
    "momentum": (0.0, 0.95),
    "label_smoothing": (0.0, 0.2),
    "averaging": (0.0, 0.5),
    "rotation": (0.0, 15.0),
    "scale": (0.0, 0.15),
    "shift": (0.0, 2.0),
    "elastic": (0.0, 1.5),
}
"""Ranges of the options that are drawn evenly; one is widened where the start lies outside."""

WITH_MOMENTUM = ("momentum", "nesterov", "muon")
"""The optimizers that heed the option `momentum`."""

_ANY_CLASSES = 2

DIGITS = 3
"""Significant digits of a value drawn: more would not matter, and could not be typed."""


def space(start: TrainOptions, *, fixed: Collection[str], suggestion: float | None, n_training: int) -> Space:
    """The options that matter under the start's optimizer, without the fixed ones.

    Rates are drawn evenly on a log scale around the finder's suggestion, or around the start's.
    """
    begun, vector = _rate(start.learning_rate), _rate(start.vector_rate)
    rate = _rate(suggestion or begun)
    found: Space = {"learning_rate": _around(rate, begun)}
    if start.optimizer == "muon" and optimizers.kernels(
        registry.build(start.network, _ANY_CLASSES).parameters()
    ):
        found["vector_rate"] = _around(_rate(vector * rate / begun), vector)
    found["batch"] = CategoricalDistribution(sorted({start.batch, *(n for n in BATCHES if n <= n_training)}))
    values = learning.flat(start)
    for name, (low, high) in AMOUNTS.items():
        found[name] = FloatDistribution(min(low, values[name]), max(high, values[name]))
    if start.optimizer not in WITH_MOMENTUM:
        del found["momentum"]
    return {name: each for name, each in found.items() if name not in fixed and not each.single()}


def values_of(start: TrainOptions, space: Space) -> dict[str, Any]:
    """The start's values of the options searched, brought into their ranges."""
    values = learning.flat(start)
    return {name: _inside(values[name], each) for name, each in space.items()}


def rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are trained with and written on a command line."""
    return {name: float(f"{v:.{DIGITS}g}") if isinstance(v, float) else v for name, v in values.items()}


def _rate(rate: float) -> float:
    """A rate that has a logarithm, and that options may hold."""
    return min(max(rate, RATES[0]), RATES[1])


def _around(middle: float, start: float) -> FloatDistribution:
    low, high = _rate(middle / AROUND_RATE), _rate(middle * AROUND_RATE)
    return FloatDistribution(min(low, start), max(high, start), log=True)


def _inside(value: Any, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, FloatDistribution):
        return min(max(value, distribution.low), distribution.high)
    return value
