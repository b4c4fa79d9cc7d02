"""The networks of this project: wide where the plane is small, and unpadded where it is large.

What made the shapes is in `docs/log.md`.
"""

import torch
from torch import Tensor, nn

from inkdigits.learn.networks.classic import activation, channels, pooling
from inkdigits.learn.options import NetworkOptions

BATCH_NORM_MOMENTUM = 0.3
"""Weight of the newest batch in the running statistics: high, since a run may last 100 steps."""


def sprint(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """A 5×5 stem of stride 2 and three 3×3 convolutions, on planes of 12, 10, 5, 3 and 3 pixels a side."""
    a, b, c, d = (channels(options, n) for n in (16, 32, 48, 64))
    return nn.Sequential(
        *stem(a, options),
        *convolution(a, b, options, padding=0, pooled=(2, 2)),
        *convolution(b, c, options, padding=0),
        *convolution(c, d, options),
        Highest(),
        nn.Linear(d, n_classes),
    )


def fast(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """The same with four convolutions, twice as wide, on planes of 12, 10, 8, 4, 4, 4 and 2 pixels a side."""
    a, b, c = (channels(options, n) for n in (32, 64, 128))
    return nn.Sequential(
        *stem(a, options),
        *convolution(a, a, options, padding=0),
        *convolution(a, b, options, padding=0, pooled=(2, 2)),
        *convolution(b, b, options),
        *convolution(b, c, options, pooled=(2, 2)),
        Highest(),
        nn.Linear(c, n_classes),
    )


def strong(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """A stem of two 3×3 kernels and four wider ones, on planes of 26, 12, 10, 8, 4, 4, 4 and 2 pixels a side.

    Scored by the maxima and the means of the maps.
    """
    return _two_stemmed(options, n_classes, (16, 48, 96, 128))


def best(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """The same as `strong`, wider; whole multiples of 16 channels are what processors compute fastest."""
    return _two_stemmed(options, n_classes, (16, 64, 128, 192))


class Highest(nn.Module):
    """The highest response of each map: (n, channels, h, w) to (n, channels)."""

    def forward(self, maps: Tensor) -> Tensor:
        """The maximum over the plane."""
        return maps.amax((2, 3))


class HighestAndMean(nn.Module):
    """The highest and the mean response of each map: (n, channels, h, w) to (n, 2 channels)."""

    def forward(self, maps: Tensor) -> Tensor:
        """The maxima over the plane, then the means."""
        return torch.cat([maps.amax((2, 3)), maps.mean((2, 3))], dim=1)


def _two_stemmed(options: NetworkOptions, n_classes: int, widths: tuple[int, int, int, int]) -> nn.Sequential:
    a, b, c, d = (channels(options, n) for n in widths)
    return nn.Sequential(
        *convolution(1, a, options, padding=0),
        *convolution(a, b, options, padding=0, stride=2),
        *convolution(b, b, options, padding=0),
        *convolution(b, c, options, padding=0, pooled=(2, 2)),
        *convolution(c, c, options),
        *convolution(c, d, options, pooled=(2, 2)),
        HighestAndMean(),
        nn.Linear(2 * d, n_classes),
    )


def stem(n_out: int, options: NetworkOptions) -> list[nn.Module]:
    """28×28 to 12×12: the unpadded kernel misses only the last row and column, which are border."""
    kernel = _orthogonal(nn.Conv2d(1, n_out, 5, stride=2, bias=False))
    return [kernel, _norm(n_out), activation(options)]


def convolution(
    n_in: int,
    n_out: int,
    options: NetworkOptions,
    *,
    size: tuple[int, int] = (3, 3),
    stride: int = 1,
    padding: int | tuple[int, int] = 1,
    pooled: tuple[int, int] | None = None,
) -> list[nn.Module]:
    """A convolution, 3×3 if no other, batch norm, and the activation: (n, n_in, h, w) to (n, n_out, h', w').

    `pooled` sums up so many rows and columns before the norm: the less work for everything behind. Without
    padding a plane loses 2 pixels a side, which on small planes is as much again.
    """
    kernel = _orthogonal(nn.Conv2d(n_in, n_out, size, stride=stride, padding=padding, bias=False))
    summed = [pooling(options, pooled)] if pooled else []
    return [kernel, *summed, _norm(n_out), activation(options)]


def _norm(n: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(n, momentum=BATCH_NORM_MOMENTUM)


def _orthogonal(kernel: nn.Conv2d) -> nn.Conv2d:
    nn.init.orthogonal_(kernel.weight.flatten(1))
    return kernel
