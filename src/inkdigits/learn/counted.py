"""Randomness that is counted, not drawn along.

Every random number of a run is a function of (seed, epoch, sample, stream), so a run resumed
anywhere is the same run. The function is SplitMix64's finaliser (Steele, Lea, Flood, "Fast
splittable pseudorandom number generators", 2014), on whole tensors at once.
"""

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def key(*numbers: int) -> int:
    """One number, 0 to 2⁶³ − 1, that stands for all the given ones, in their order."""
    state = 0
    for number in numbers:
        state = _mix_number((state ^ number) + _GOLDEN & _MASK)
    return state >> 1


def uniform(key: int, samples: Tensor, count: int) -> Tensor:
    """`count` numbers for each sample, even in [0, 1): float32, (n, count).

    `samples` is int64, (n,): the rows of the data set. The numbers of a sample depend on `key` and
    on its row alone, not on what else is in the batch.
    """
    counters = samples[:, None] * count + torch.arange(count, device=samples.device)
    bits = _mix(counters * _signed(_GOLDEN) + _signed(key))
    return _shift(bits, 40).float() * 2.0**-24


def generator(*numbers: int) -> torch.Generator:
    """A generator that starts at `key(*numbers)`, on the CPU."""
    return torch.Generator().manual_seed(key(*numbers))


def order(n: int, *, seed: int, epoch: int) -> Tensor:
    """The order of an epoch: a permutation of 0 … n − 1, int64."""
    return torch.randperm(n, generator=generator(seed, epoch))


def _mix(z: Tensor) -> Tensor:
    z = (z ^ _shift(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift(z, 31)


def _mix_number(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return z ^ z >> 31


def _shift(z: Tensor, places: int) -> Tensor:
    """A logical shift to the right: int64's own would bring the sign along."""
    return (z >> places) & ((1 << 64 - places) - 1)


def _signed(number: int) -> int:
    number &= _MASK
    return number - (1 << 64) if number >> 63 else number
