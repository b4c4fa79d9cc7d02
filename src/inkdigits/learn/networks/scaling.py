"""What a network does first: pixels to numbers, by buffers that travel with its weights."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

MNIST_MEAN = 33.3184
MNIST_DEVIATION = 78.5675
"""Mean and standard deviation of MNIST's training pixels, 0 to 255."""

SPAN = 11
"""Side of the square that no stroke fills, and paper does: digits of 20 pixels have strokes of 2 to 5."""

_WHITE, _FAINTEST = 255.0, 16.0


class Scaling(nn.Module):
    """uint8 (n, 28, 28) to float32 (n, 1, 28, 28): (pixel − mean) / deviation."""

    before = ""
    """What comes before, in words, as the model file has them."""
    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("deviation", torch.tensor(deviation))

    def forward(self, images: Tensor) -> Tensor:
        """The scaled images, with their one channel."""
        return ((images - self.mean) / self.deviation).unsqueeze(1)


class TopHat(Scaling):
    """The same of what stands out from its surroundings, stretched so that each image has a white pixel.

    The white top-hat of morphology: the image less its opening by a square (Serra, 1982). It takes away
    grey paper, a shadow, a band of another polarity, and leaves strokes alone, since none is as wide as the
    square. Ink of less than a sixteenth of white isn't stretched to all of it.
    """

    before = f"top-hat of {SPAN}, "

    def forward(self, images: Tensor) -> Tensor:
        """The scaled images, with their one channel."""
        plane = images.float().unsqueeze(1)
        ink = plane - _highest(-_highest(-plane))
        most = ink.amax((2, 3), keepdim=True).clamp(min=_FAINTEST)
        return (ink * (_WHITE / most) - self.mean) / self.deviation


def _highest(plane: Tensor) -> Tensor:
    """The highest value in the square about each pixel, as far as it lies within the plane."""
    reach = SPAN // 2
    rows = F.max_pool2d(plane, (1, SPAN), stride=1, padding=(0, reach))
    return F.max_pool2d(rows, (SPAN, 1), stride=1, padding=(reach, 0))


def build(scaling: str, mean: float, deviation: float) -> Scaling:
    """What scales pixels: to [0, 1] (`unit`), to [−1, 1] (`signed`), by mean and deviation (`standard`).

    Or by mean and deviation above the paper (`tophat`).
    """
    match scaling:
        case "unit":
            return Scaling(0.0, _WHITE)
        case "signed":
            return Scaling(_WHITE / 2, _WHITE / 2)
        case "tophat":
            return TopHat(mean, deviation)
    return Scaling(mean, deviation)
