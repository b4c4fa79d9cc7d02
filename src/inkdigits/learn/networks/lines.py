"""The network that reads along a line, without cutting its digits apart."""

from torch import Tensor, nn

from inkdigits.learn.networks.classic import channels
from inkdigits.learn.networks.own import convolution
from inkdigits.learn.options import NetworkOptions


def number(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """Strips (n, 1, 32, w), w in fours, to logits (n, w / 4, n_classes + 1), the blank last."""
    a, b, c, d, e = (channels(options, n) for n in (24, 48, 96, 128, 160))
    return nn.Sequential(
        *convolution(1, a, options, pooled=(2, 2)),
        *convolution(a, b, options),
        *convolution(b, b, options, pooled=(2, 2)),
        *convolution(b, c, options),
        *convolution(c, c, options, pooled=(2, 1)),
        *convolution(c, d, options, pooled=(2, 1)),
        *convolution(d, e, options, size=(2, 3), padding=(0, 1)),
        *convolution(e, e, options, size=(1, 5), padding=(0, 2)),
        nn.Conv2d(e, n_classes + 1, 1),
        Frames(),
    )


class Frames(nn.Module):
    """Maps of one row to frames: (n, classes, 1, w) to (n, w, classes)."""

    def forward(self, maps: Tensor) -> Tensor:
        """The scores in the order of the columns."""
        return maps.squeeze(2).transpose(1, 2)
