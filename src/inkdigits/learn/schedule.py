"""The learning rate's course: up in the warm-up, then down."""

import math
from collections.abc import Callable

from inkdigits.learn.options import TrainOptions

Course = Callable[[int, int, TrainOptions], float]
"""From (step, n_steps, options) to the share of the highest rate at that step."""


def factor(step: int, n_steps: int, options: TrainOptions) -> float:
    """The share of the highest rate at `step`, 0 to n_steps − 1: above 0, at most 1."""
    n_warm = options.warmup * n_steps
    if step + 1 < n_warm:
        return (step + 1) / n_warm
    left = (n_steps - step) / max(1.0, n_steps - n_warm)
    match options.decay:
        case "linear":
            return min(1.0, left)
        case "cosine":
            return math.sin(math.pi / 2 * min(1.0, left)) ** 2
    return 1.0
