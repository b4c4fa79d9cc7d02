"""Every network by its name, and the one way to build one."""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from inkdigits.learn.networks import classic, imagenet, lines, own, scaling
from inkdigits.learn.options import NetworkOptions

NETWORKS: dict[str, Callable[[NetworkOptions, int], nn.Module]] = {
    "mlp": classic.mlp,
    "article": classic.article,
    "lenet5": classic.lenet5,
    "alexnet": classic.alexnet,
    "vgg": classic.vgg,
    "resnet": classic.resnet,
    "strided": classic.strided,
    "sprint": own.sprint,
    "fast": own.fast,
    "strong": own.strong,
    "best": own.best,
}
LINE_NETWORKS: dict[str, Callable[[NetworkOptions, int], nn.Module]] = {"number": lines.number}
PUBLISHED: dict[str, Callable[[NetworkOptions, int], nn.Module]] = {
    "resnet18": imagenet.resnet18,
    "vgg11_bn": imagenet.vgg11_bn,
    "vgg16_bn": imagenet.vgg16_bn,
    "efficientnet_lite0": imagenet.efficientnet_lite0,
}
"""Networks that others have published ImageNet's weights of."""


class Network(nn.Module):
    """uint8 images (n, 28, 28) in, logits float32 (n, classes) out.

    Of lines, strips as `image.side_by_side` gives them in, logits (n, frames, classes + 1) out, the last
    being the blank of connectionist temporal classification.
    """

    def __init__(self, scaling: scaling.Scaling, layers: nn.Module) -> None:
        super().__init__()
        self.scaling = scaling
        self.layers = layers
        self.still: tuple[nn.Module, ...] = ()
        """Layers that are left in evaluation mode while the others train."""

    def train(self, mode: bool = True) -> Self:
        """Into training mode, but for what is `still`, or out of it."""
        super().train(mode)
        for layer in self.still:
            layer.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """The logits of each image."""
        logits: Tensor = self.layers(self.scaling(images))
        return logits.float()


def build(
    options: NetworkOptions,
    n_classes: int,
    *,
    seed: int = 0,
    mean: float = scaling.MNIST_MEAN,
    deviation: float = scaling.MNIST_DEVIATION,
) -> Network:
    """A new network; its first weights are decided by `seed` alone.

    `mean` and `deviation` are of the training pixels, 0 to 255, and are used by scaling `standard`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = (NETWORKS | LINE_NETWORKS | PUBLISHED)[options.model](options, n_classes)
    network = Network(scaling.build(options.scaling, mean, deviation), layers)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
