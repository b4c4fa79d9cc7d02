"""The networks of the textbooks, each in a size that suits 28×28 pixels."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from inkdigits.learn.options import NetworkOptions

# In place: no layer before one needs its own output for the gradient, and a plane less is written.
_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": partial(nn.ReLU, inplace=True),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
}
_POOLINGS: dict[str, Callable[[tuple[int, int]], nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


def mlp(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """Two hidden layers, of 256 and 128 units."""
    first, second = channels(options, 256), channels(options, 128)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(28 * 28, first),
        activation(options),
        nn.Linear(first, second),
        activation(options),
        nn.Linear(second, n_classes),
    )


def article(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """The article's worked example: convolution 32 of 5×5, pooling 2×2, dense 128."""
    maps, units = channels(options, 32), channels(options, 128)
    return nn.Sequential(
        nn.Conv2d(1, maps, 5),
        activation(options),
        pooling(options),
        nn.Flatten(),
        nn.Linear(maps * 12 * 12, units),
        activation(options),
        nn.Linear(units, n_classes),
    )


def lenet5(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """LeNet-5 (LeCun et al., 1998), every map of the first pooling seen by every map of the second layer."""
    maps = [channels(options, n) for n in (6, 16)]
    units = [channels(options, n) for n in (120, 84)]
    return nn.Sequential(
        nn.Conv2d(1, maps[0], 5, padding=2),
        activation(options),
        pooling(options),
        nn.Conv2d(maps[0], maps[1], 5),
        activation(options),
        pooling(options),
        nn.Flatten(),
        nn.Linear(maps[1] * 5 * 5, units[0]),
        activation(options),
        nn.Linear(units[0], units[1]),
        activation(options),
        nn.Linear(units[1], n_classes),
    )


def alexnet(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """AlexNet: five convolutions, three poolings, two dense layers with dropout (Krizhevsky et al., 2012)."""
    a, b, c, d, e = (channels(options, n) for n in (32, 64, 128, 128, 64))
    units = channels(options, 256)
    return nn.Sequential(
        *(nn.Conv2d(1, a, 5, padding=2), activation(options), pooling(options)),
        *(nn.Conv2d(a, b, 5, padding=2), activation(options), pooling(options)),
        *(nn.Conv2d(b, c, 3, padding=1), activation(options)),
        *(nn.Conv2d(c, d, 3, padding=1), activation(options)),
        *(nn.Conv2d(d, e, 3, padding=1), activation(options), pooling(options)),
        nn.Flatten(),
        *(nn.Dropout(0.5), nn.Linear(e * 3 * 3, units), activation(options)),
        *(nn.Dropout(0.5), nn.Linear(units, units), activation(options)),
        nn.Linear(units, n_classes),
    )


def vgg(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """Three pairs of 3×3 convolutions with batch norm, pooled after each (Simonyan and Zisserman, 2015)."""
    layers: list[nn.Module] = []
    n_in = 1
    for n_out in (channels(options, n) for n in (32, 64, 128)):
        layers += [*convolution(n_in, n_out, options), *convolution(n_out, n_out, options), pooling(options)]
        n_in = n_out
    units = channels(options, 128)
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        *(nn.Linear(n_in * 3 * 3, units), activation(options), nn.Dropout(0.3)),
        nn.Linear(units, n_classes),
    )


def resnet(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """Three stages of two residual blocks (He et al., 2016), averaged over the plane at the end."""
    first, second, third = (channels(options, n) for n in (16, 32, 64))
    return nn.Sequential(
        *convolution(1, first, options),
        *(Residual(first, first, options), Residual(first, first, options)),
        *(Residual(first, second, options, stride=2), Residual(second, second, options)),
        *(Residual(second, third, options, stride=2), Residual(third, third, options)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(third, n_classes),
    )


def strided(options: NetworkOptions, n_classes: int) -> nn.Sequential:
    """Two 4×4 convolutions of stride 2 and a hidden layer, without norms (Wong, Rice and Kolter, 2020)."""
    a, b, units = (channels(options, n) for n in (16, 32, 100))
    return nn.Sequential(
        *(nn.Conv2d(1, a, 4, stride=2, padding=1), activation(options)),
        *(nn.Conv2d(a, b, 4, stride=2, padding=1), activation(options)),
        *(nn.Flatten(), nn.Linear(b * 7 * 7, units), activation(options)),
        nn.Linear(units, n_classes),
    )


class Residual(nn.Module):
    """A shortcut beside two 3×3 convolutions; the shortcut is a 1×1 convolution where the shape changes."""

    def __init__(self, n_in: int, n_out: int, options: NetworkOptions, *, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *convolution(n_in, n_out, options, stride=stride),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        same = n_in == n_out and stride == 1
        self.shortcut = nn.Identity() if same else Shortcut(n_in, n_out, stride=stride)
        self.activation = activation(options)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, n_in, h, w) to (n, n_out, h / stride, w / stride)."""
        out: Tensor = self.activation(self.shortcut(maps) + self.body(maps))
        return out


class Shortcut(nn.Conv2d):
    """A 1×1 convolution of every so many pixels, without a bias.

    The pixels are picked first: of a 1×1 convolution with a stride the backward pass writes beyond its memory
    and aborts the process, in one thread on processors without AVX-512, where channels are no multiples of
    eight (PyTorch 2.13).
    """

    def __init__(self, n_in: int, n_out: int, *, stride: int) -> None:
        super().__init__(n_in, n_out, 1, bias=False)
        self.every = stride

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_in, h, w) to (n, n_out, h / stride, w / stride)."""
        return super().forward(x[:, :, :: self.every, :: self.every])


def convolution(n_in: int, n_out: int, options: NetworkOptions, *, stride: int = 1) -> list[nn.Module]:
    """A 3×3 convolution that keeps the plane's size, batch norm, and the activation."""
    kernel = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
    return [kernel, nn.BatchNorm2d(n_out), activation(options)]


def activation(options: NetworkOptions) -> nn.Module:
    """A new layer of the chosen non-linearity."""
    return _ACTIVATIONS[options.activation]()


def pooling(options: NetworkOptions, size: tuple[int, int] = (2, 2)) -> nn.Module:
    """A new layer that sums up neighbourhoods of that height and width in the chosen way."""
    return _POOLINGS[options.pooling](size)


def channels(options: NetworkOptions, n: int) -> int:
    """`n` channels or units at width 1, scaled to the chosen width."""
    return max(1, round(n * options.width))
