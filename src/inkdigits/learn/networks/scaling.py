"""What a network does first: pixels to numbers, by buffers that travel with its weights."""

import torch
from torch import Tensor, nn

MNIST_MEAN = 33.3184
MNIST_DEVIATION = 78.5675
"""Mean and standard deviation of MNIST's training pixels, 0 to 255."""


class Scaling(nn.Module):
    """uint8 (n, 28, 28) to float32 (n, 1, 28, 28): (pixel − mean) / deviation."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("deviation", torch.tensor(deviation))

    def forward(self, images: Tensor) -> Tensor:
        """The scaled images, with their one channel."""
        return ((images - self.mean) / self.deviation).unsqueeze(1)


def build(scaling: str, mean: float, deviation: float) -> Scaling:
    """Pixels to [0, 1] (`unit`), to [−1, 1] (`signed`), or by the given mean and deviation (`standard`)."""
    match scaling:
        case "unit":
            return Scaling(0.0, 255.0)
        case "signed":
            return Scaling(127.5, 127.5)
    return Scaling(mean, deviation)
