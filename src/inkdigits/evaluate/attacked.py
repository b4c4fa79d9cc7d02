"""What is left of a model's accuracy when its images are changed against it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """The accuracy on `n` images of which no pixel was changed by more than `epsilon`, white being 1.

    `interval` is Wilson's at 95 %. An image counts as read right where it is so unchanged and after each try.
    """

    attack: str
    epsilon: float
    n: int
    accuracy: float
    interval: tuple[float, float]
