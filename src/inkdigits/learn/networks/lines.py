"""The network that reads along a line, without cutting its digits apart.

What a stroke says depends on the hand: an upstroke is of a 1 where the sevens are crossed. So what is seen
at a place is judged beside what was seen on the whole line.
"""

from torch import Tensor, nn

from inkdigits.learn.networks.classic import channels
from inkdigits.learn.networks.own import convolution
from inkdigits.learn.options import NetworkOptions


def number(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """Strips (n, 1, 32, w), w in fours, to logits (n, w / 4, n_classes + 1), the blank last."""
    a, b, c, d, e = (channels(options, n) for n in (32, 48, 96, 160, 192))
    units = channels(options, 192)
    return nn.Sequential(
        *convolution(1, a, options, pooled=(2, 2)),
        *convolution(a, b, options),
        *convolution(b, b, options, pooled=(2, 2)),
        *convolution(b, c, options),
        *convolution(c, c, options, pooled=(2, 1)),
        *convolution(c, d, options, pooled=(2, 1)),
        *convolution(d, e, options, size=(2, 3), padding=(0, 1)),
        *convolution(e, e, options, size=(1, 5), padding=(0, 2)),
        Recurrent(e, units),
        nn.Conv2d(2 * units, n_classes + 1, 1),
        Frames(),
    )


class Recurrent(nn.Module):
    """Gated recurrent units along a map of one row, both ways (Cho et al., 2014).

    (n, channels, 1, w) to (n, 2 · units, 1, w): first the units that come from the left.
    """

    def __init__(self, n_channels: int, n_units: int) -> None:
        super().__init__()
        self.units = nn.GRU(n_channels, n_units, batch_first=True, bidirectional=True)

    def forward(self, maps: Tensor) -> Tensor:
        """What is known at each column of all of them."""
        found: Tensor = self.units(maps.squeeze(2).transpose(1, 2))[0]
        return found.transpose(1, 2).unsqueeze(2)


class Frames(nn.Module):
    """Maps of one row to frames: (n, classes, 1, w) to (n, w, classes)."""

    def forward(self, maps: Tensor) -> Tensor:
        """The scores in the order of the columns."""
        return maps.squeeze(2).transpose(1, 2)
