"""The network that reads along a line, without cutting its digits apart."""

from torch import Tensor, nn

from inkdigits.learn.networks.classic import channels
from inkdigits.learn.networks.own import convolution
from inkdigits.learn.options import NetworkOptions


def number(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """Strips (n, 1, 32, w), w in fours, to logits (n, w / 2, n_classes + 1), the blank last."""
    a, b, c, d, e = (channels(options, n) for n in (16, 48, 64, 96, 144))
    return nn.Sequential(
        *convolution(1, a, options),
        *convolution(a, b, options, stride=2),
        *convolution(b, c, options),
        *convolution(c, c, options, pooled=(2, 2)),
        *convolution(c, d, options),
        *convolution(d, d, options, pooled=(2, 1)),
        *convolution(d, e, options),
        *convolution(e, e, options, size=(4, 3), padding=(0, 1)),
        *convolution(e, e, options, size=(1, 5), padding=(0, 2)),
        nn.Conv2d(e, 2 * (n_classes + 1), 1),
        Frames(n_classes + 1),
    )


class Frames(nn.Module):
    """Maps of one row to frames, two for each column: (n, 2 · classes, 1, w) to (n, 2 w, classes)."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes

    def forward(self, maps: Tensor) -> Tensor:
        """The scores in the order of the columns."""
        frames: Tensor = maps.squeeze(2).transpose(1, 2).unflatten(2, (2, self.n_classes))  # type: ignore[no-untyped-call]
        return frames.flatten(1, 2)
