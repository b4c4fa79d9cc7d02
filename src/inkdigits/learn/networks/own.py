"""The networks of this project: wide where the plane is small, since that is where the time goes."""

from torch import Tensor, nn

from inkdigits.learn.networks.classic import activation, channels, pooling
from inkdigits.learn.options import NetworkOptions

BATCH_NORM_MOMENTUM = 0.3
"""Weight of the newest batch in the running statistics: high, since a run may last 200 steps."""


def fast(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """A 5×5 stem of stride 2 and four 3×3 convolutions; each class is scored by the highest responses."""
    a, b, c = (channels(options, n) for n in (32, 64, 128))
    return nn.Sequential(
        *_stem(a, options),
        *_block(a, a, options),
        *_block(a, b, options, pooled=True),
        *_block(b, b, options),
        *_block(b, c, options, pooled=True),
        Highest(),
        nn.Linear(c, n_classes),
    )


def best(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """Placeholder shape until the search is through."""
    return fast(options, n_classes)


class Highest(nn.Module):
    """The highest response of each map: (n, channels, h, w) to (n, channels)."""

    def forward(self, maps: Tensor) -> Tensor:
        """The maximum over the plane."""
        return maps.amax((2, 3))


def _stem(n_out: int, options: NetworkOptions) -> list[nn.Module]:
    """28×28 to 12×12: the unpadded kernel reaches all pixels but the last row and column, which are border."""
    return [_orthogonal(nn.Conv2d(1, n_out, 5, stride=2, bias=False)), _norm(n_out), activation(options)]


def _block(n_in: int, n_out: int, options: NetworkOptions, *, pooled: bool = False) -> list[nn.Module]:
    """A 3×3 convolution, pooled before its batch norm: a quarter of the work for everything behind."""
    kernel = _orthogonal(nn.Conv2d(n_in, n_out, 3, padding=1, bias=False))
    halved = [pooling(options)] if pooled else []
    return [kernel, *halved, _norm(n_out), activation(options)]


def _norm(n: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(n, momentum=BATCH_NORM_MOMENTUM)


def _orthogonal(kernel: nn.Conv2d) -> nn.Conv2d:
    nn.init.orthogonal_(kernel.weight.flatten(1))
    return kernel
