"""The maps that a network makes of an image, and where in the image their cells lie."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inkdigits.learn.networks import stages
from inkdigits.learn.networks.registry import Network
from inkdigits.types import SIDE

_POOLINGS = (nn.MaxPool2d, nn.AvgPool2d)
_NOT_CONVOLVING = (*_POOLINGS, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True, kw_only=True, eq=False)
class Maps:
    """A layer whose maps have `side` cells a side.

    The middle of what the first cell saw is in pixel `start` of the image, that of each other one `step`
    pixels behind, by kernels, strides and paddings. Where those are unpadded, the cells are of the middle
    of the image alone.
    """

    layer: nn.Module
    side: int
    start: float
    step: float

    def spread(self) -> NDArray[np.float32]:
        """How much each cell counts in each pixel along one side: float32, (28, side).

        A bell around the middle of what the cell saw, as effective receptive fields are (Luo et al.,
        "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", 2016), of half a
        step as its deviation.
        """
        away = np.arange(SIDE)[:, np.newaxis] - (self.start + self.step * np.arange(self.side))
        return np.exp(-2 * (away / self.step) ** 2).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Call:
    """A layer that was given planes of so many pixels a side, and made such ones of them."""

    layer: nn.Module
    side_in: int
    side_out: int


def last(network: Network) -> Maps | None:
    """The last layer that makes maps of more than one cell, with the norm and activation behind its kernels.

    None in a network without convolutions. Poolings are left out, and layers that are called more than once,
    of which there is no telling which call is meant.
    """
    found, has_convolved = None, False
    start, step, side = 0.0, 1.0, SIDE
    calls = _calls(network)
    times = Counter(call.layer for call in calls)
    for call in calls:
        start, step = _moved(call, *_resized(start, step, side / call.side_in))
        side = call.side_out
        has_convolved |= any(isinstance(part, nn.Conv2d) for part in call.layer.modules())
        is_plain = times[call.layer] == 1 and not isinstance(call.layer, _NOT_CONVOLVING)
        if has_convolved and is_plain and side > 1:
            found = Maps(layer=call.layer, side=side, start=start, step=step)
    return found


def _calls(network: Network) -> list[_Call]:
    """The layers that make planes of planes, in the order in which an image goes through them."""
    found: list[_Call] = []

    def note(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        if given[0].ndim == 4 and made.ndim == 4:
            found.append(_Call(layer=layer, side_in=given[0].shape[-1], side_out=made.shape[-1]))

    hooks = [layer.register_forward_hook(note) for _, layer in stages.layers(network.layers)]
    try:
        with torch.inference_mode():
            network(torch.zeros((1, SIDE, SIDE), dtype=torch.uint8, device=network.scaling.mean.device))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _moved(call: _Call, start: float, step: float) -> tuple[float, float]:
    """Where a layer's cells lie, its input's being at `start` and `step`; those of blocks lie evenly."""
    layer = call.layer
    if type(layer) is nn.Conv2d or isinstance(layer, _POOLINGS):
        size, stride, padding = (_first(each) for each in (layer.kernel_size, layer.stride, layer.padding))
        return start + ((size - 1) / 2 - padding) * step, step * stride
    return _resized(start, step, call.side_in / call.side_out)


def _resized(start: float, step: float, ratio: float) -> tuple[float, float]:
    """The same plane with cells `ratio` times as large."""
    return start + (ratio - 1) / 2 * step, step * ratio


def _first(size: Any) -> int:
    """The one along rows of a size that is a number or a pair; they are the same both ways."""
    return int(size[0] if isinstance(size, tuple) else size)
