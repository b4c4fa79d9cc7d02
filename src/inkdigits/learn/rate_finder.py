"""The learning-rate finder: one short training whose rate rises until the loss does.

The range test of L. N. Smith, "Cyclical learning rates for training neural networks", 2017: the rate
grows by the same factor at every step, and a good one lies where the loss falls fastest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from inkdigits.learn import options as learning
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.train import DivergenceError, Stopped, Watch, train
from inkdigits.types import Dataset

HIGHEST = 10.0
"""The last rate tried."""

LOWEST_SHARE = 1e-6
"""The first rate tried, as a share of the last."""

N_STEPS = 120
"""Twenty steps for each tenfold rate."""

REMEMBERED = 0.9
"""How much of the smoothed loss comes from the steps before."""

SETTLING = 10
"""Steps until the smoothed loss says anything."""

FALL = 0.02
"""The share by which the loss has to come down for a rate to be suggested."""

WINDOW = 8
"""Steps over which the steepness is measured."""

HOPELESS = 3.0
"""The test ends where the smoothed loss is this many times its lowest."""

_MOST_RATE, _FEWEST_EPOCHS = 100.0, 0.001
"""Limits of what TrainOptions may hold."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The smoothed training loss at each rate tried, and the rate suggested, None where it never fell."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float | None


def find(training: Dataset, options: TrainOptions, *, watch: Watch) -> Sweep:
    """The sweep of a short training with these options, but for its length and its rate's course.

    Under muon the vector rate rises along, in its proportion. Raises Stopped where `watch.stop` asked.
    """
    climbing = _climbing(training, options)
    met = _Met(watch=watch)
    try:
        train(training, None, climbing, watch=Watch(after_step=met.note, stop=met.ends), course=rising)
    except DivergenceError:
        pass
    except Stopped:
        if not met.hopeless():
            raise
    steps = range(len(met.losses))
    rates = tuple(climbing.learning_rate * rising(step, met.n_steps, climbing) for step in steps)
    losses = smooth(met.losses)
    return Sweep(rates=rates, losses=losses, suggestion=suggest(rates, losses))


def rising(step: int, n_steps: int, _options: TrainOptions) -> float:
    """The share of the highest rate at `step`: LOWEST_SHARE to 1, by the same factor at every step."""
    return float(LOWEST_SHARE ** (1 - step / max(1, n_steps - 1)))


def smooth(losses: Sequence[float]) -> tuple[float, ...]:
    """The exponential moving average of the losses, its start corrected as Adam's is."""
    mean, smoothed = 0.0, []
    for n, loss in enumerate(losses, start=1):
        mean = REMEMBERED * mean + (1 - REMEMBERED) * loss
        smoothed.append(mean / (1 - REMEMBERED**n))
    return tuple(smoothed)


def suggest(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate at which the smoothed losses fall most steeply, up to the lowest of them.

    None where they never come down by FALL.
    """
    settled = np.array(losses[SETTLING:])
    if len(settled) == 0 or not settled.min() <= (1 - FALL) * settled[0]:
        return None
    falling = settled[: int(settled.argmin()) + 1]
    window = min(WINDOW, len(falling) - 1)
    steepest = int(np.argmax(falling[:-window] - falling[window:]))
    return float(rates[SETTLING + steepest + window // 2])


def _climbing(training: Dataset, options: TrainOptions) -> TrainOptions:
    """The options of the test: N_STEPS steps up to the highest rates that options may hold."""
    epoch_steps = len(training) // min(options.batch, len(training))
    values = {
        "learning_rate": HIGHEST,
        "epochs": max(_FEWEST_EPOCHS, N_STEPS / epoch_steps),
        "least_steps": 0,
        "averaging": 0.0,
        "norm_images": 0,
    }
    if options.optimizer == "muon" and options.learning_rate:
        ratio = options.vector_rate / options.learning_rate
        values["learning_rate"] = min(HIGHEST, _MOST_RATE / max(ratio, 1.0))
        values["vector_rate"] = min(_MOST_RATE, values["learning_rate"] * ratio)
    return learning.change(options, values)


@dataclass(kw_only=True)
class _Met:
    """The losses met so far, and whether to go on."""

    watch: Watch
    losses: list[float] = field(default_factory=list)
    n_steps: int = 0

    def note(self, step: int, n_steps: int, loss: float) -> None:
        self.n_steps = n_steps
        self.losses.append(loss)
        self.watch.after_step(step, n_steps, loss)

    def ends(self) -> bool:
        return self.watch.stop() or self.hopeless()

    def hopeless(self) -> bool:
        losses = smooth(self.losses)
        return len(losses) > SETTLING and losses[-1] > HOPELESS * min(losses)
