"""Where in the image the cells of maps lie, against where their gradients do."""

import numpy as np
import pytest
import torch
from torch import Tensor

from inkdigits.learn.networks import maps, registry
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import NetworkOptions


def built(name: str, **options: object) -> Network:
    return registry.build(NetworkOptions(model=name, **options), 10).eval()  # type: ignore[arg-type]


def middle_seen(network: Network, last: maps.Maps, cell: int) -> float:
    """The middle of the rows that have a part in the cells of a row of the maps."""
    kept: list[Tensor] = []
    hook = last.layer.register_forward_hook(lambda _layer, _given, made: kept.append(made))
    image = torch.full((1, 28, 28), 200.0, requires_grad=True)
    network(image)
    hook.remove()
    slope = torch.autograd.grad(kept[0][0, :, cell].sum(), image)[0][0]
    rows = np.flatnonzero(slope.abs().sum(dim=1).numpy())
    return float(rows[0] + rows[-1]) / 2


@pytest.mark.parametrize(
    ("name", "cells"), [("article", (0, 10, 23)), ("lenet5", (1, 5, 8)), ("sprint", (1,))]
)
def test_cells_lie_in_the_middle_of_what_they_saw(name: str, cells: tuple[int, ...]) -> None:
    network = built(name, pooling="average", activation="gelu")
    last = maps.last(network)
    assert last is not None
    assert [last.start + last.step * cell for cell in cells] == [
        pytest.approx(middle_seen(network, last, cell)) for cell in cells
    ]


@pytest.mark.parametrize(
    ("name", "side", "start", "step"),
    [
        ("fast", 2, 9, 8),
        ("strong", 2, 9, 8),
        ("best", 2, 9, 8),
        ("article", 24, 2, 1),
        ("lenet5", 10, 4.5, 2),
        ("vgg", 7, 1.5, 4),
    ],
)
def test_the_last_maps_are_where_a_pencil_finds_them(name: str, side: int, start: float, step: float) -> None:
    last = maps.last(built(name))
    assert last is not None
    assert (last.side, last.start, last.step) == (side, start, step)


@pytest.mark.parametrize("name", ["resnet", *registry.PUBLISHED])
def test_maps_of_padded_networks_are_spread_over_the_whole_image(name: str) -> None:
    last = maps.last(built(name, width=0.25))
    assert last is not None
    middle = last.start + last.step * (last.side - 1) / 2
    assert middle == pytest.approx(13.5, abs=2.5)
    assert last.step * last.side == pytest.approx(28, rel=0.2)


def test_a_network_without_convolutions_has_no_maps() -> None:
    assert maps.last(built("mlp")) is None


def test_looking_for_maps_leaves_the_network_as_it_was() -> None:
    network = built("strong")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    maps.last(network)
    assert all((before[name] == tensor).all() for name, tensor in network.state_dict().items())
    assert not any(layer._forward_hooks for layer in network.modules())
