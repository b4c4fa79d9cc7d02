"""Integrated gradients and Grad-CAM, against hand-made networks and slow plain versions."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inkdigits import data, weights
from inkdigits.errors import UserError
from inkdigits.learn import explain, models
from inkdigits.learn.networks import maps, registry, scaling
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import NetworkOptions
from inkdigits.types import Dataset

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def reader() -> Network:
    return models.find("reader").network


@pytest.fixture(scope="module")
def some() -> Dataset:
    """A dozen of the digit images that ship."""
    whole = data.load(str(weights.FOLDER / weights.OLD), "test")
    return whole.select(np.linspace(0, len(whole) - 1, 12).astype(np.int64), split="test")


def linear() -> Network:
    """Three logits that are sums of weighted pixels."""
    layer = nn.Linear(28 * 28, 3)
    return Network(scaling.Scaling(0.0, 255.0), nn.Sequential(nn.Flatten(), layer)).eval()


def test_of_a_linear_network_each_pixel_counts_by_its_weight() -> None:
    network = linear()
    images = RANDOM.integers(0, 256, (20, 28, 28), dtype=np.uint8)
    labels = RANDOM.integers(0, 3, 20)
    weights_of = network.state_dict()["layers.1.weight"].numpy()
    by_hand = np.array(
        [
            weights_of[label].reshape(28, 28) * (image / 255)
            for image, label in zip(images, labels, strict=True)
        ]
    )
    found = explain.integrated_gradients(network, images, labels)
    assert found.dtype == np.float32
    assert found.shape == (20, 28, 28)
    np.testing.assert_allclose(found, by_hand, atol=1e-6)


def test_the_scaling_of_pixels_makes_no_difference_to_what_they_add() -> None:
    network = linear()
    shifted = Network(scaling.Scaling(33.0, 78.0), network.layers).eval()
    images = RANDOM.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    labels = np.array([0, 1, 2])
    found, others = (explain.integrated_gradients(each, images, labels) for each in (network, shifted))
    np.testing.assert_allclose(others, found * 255 / 78, rtol=1e-4, atol=1e-6)


def test_amounts_sum_up_to_the_rise_of_the_logit_over_black_paper(reader: Network, some: Dataset) -> None:
    with torch.inference_mode():
        logits = reader(torch.from_numpy(some.images)).numpy()
        black = reader(torch.zeros((1, 28, 28), dtype=torch.uint8)).numpy()[0]
    answers = logits.argmax(axis=1)
    found = explain.integrated_gradients(reader, some.images, answers)
    rises = logits[np.arange(len(some)), answers] - black[answers]
    np.testing.assert_allclose(found.sum(axis=(1, 2)), rises, rtol=0.01, atol=0.01)


def test_amounts_agree_with_a_plain_sum_along_the_way(reader: Network, some: Dataset) -> None:
    image = torch.from_numpy(some.images[3]).float()
    total = torch.zeros(28, 28)
    for step in range(1000):
        shown = (image * (step + 0.5) / 1000).requires_grad_()
        total += torch.autograd.grad(reader(shown[None])[0, 4], shown)[0]
    found = explain.integrated_gradients(reader, some.images[3:4], np.array([4]))
    plain = (total / 1000 * image).numpy()
    assert abs(found[0] - plain).max() < 0.03 * abs(plain).max()


def test_ink_alone_has_amounts(reader: Network, some: Dataset) -> None:
    found = explain.integrated_gradients(reader, some.images, some.labels, most_steps=64)
    assert (found[some.images == 0] == 0).all()


def toy() -> Network:
    """Two maps, the image and its negative less a half; the first speaks for class 0, both for class 1."""
    kernel, head = nn.Conv2d(1, 2, 1), nn.Linear(2, 2)
    with torch.no_grad():
        kernel.weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
        kernel.bias.copy_(torch.tensor([0.0, 0.5]))  # type: ignore[union-attr]
        head.weight.copy_(torch.tensor([[3.0, 0.0], [-1.0, 2.0]]))
    layers = nn.Sequential(kernel, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    return Network(scaling.Scaling(0.0, 255.0), layers).eval()


def test_the_map_of_a_network_made_by_hand_is_known() -> None:
    images = RANDOM.integers(0, 256, (4, 28, 28), dtype=np.uint8)
    ink = images / 255
    first, second = ink, np.maximum(0.5 - ink, 0)
    n_cells = 28 * 28
    away = np.subtract.outer(np.arange(28), np.arange(28))
    bell = np.exp(-(away**2) / (2 * 0.5**2))
    for label, summed in ((0, 3 * first / n_cells), (1, (2 * second - first) / n_cells)):
        found = explain.grad_cam(toy(), images, np.full(4, label))
        by_hand = np.array([bell @ np.maximum(each, 0) @ bell.T for each in summed])
        np.testing.assert_allclose(found, by_hand, rtol=1e-4, atol=1e-7)


def plain_cam(network: Network, image: Tensor, label: int) -> Tensor:
    """Grad-CAM of one image, by what a hook on the last maps keeps."""
    last = maps.last(network)
    assert last is not None
    kept: list[Tensor] = []
    hook = last.layer.register_forward_hook(lambda _layer, _given, made: kept.append(made))
    logit = network(image.float().requires_grad_()[None])[0, label]
    hook.remove()
    slope = torch.autograd.grad(logit, kept[0])[0]
    coarse = (slope.mean((2, 3), keepdim=True) * kept[0]).sum(1)[0].clamp(min=0).detach()
    bell = torch.from_numpy(last.spread())
    return bell @ coarse @ bell.T


@pytest.mark.parametrize("name", sorted({*registry.NETWORKS, *registry.PUBLISHED} - {"mlp"}))
def test_every_network_with_convolutions_has_its_map(name: str, some: Dataset) -> None:
    network = registry.build(NetworkOptions(model=name, width=0.25), 10, seed=1).eval()
    labels = np.arange(3)
    found = explain.grad_cam(network, some.images[:3], labels)
    assert found.dtype == np.float32
    assert found.shape == (3, 28, 28)
    plain = [plain_cam(network, torch.from_numpy(some.images[row]), row).numpy() for row in range(3)]
    np.testing.assert_allclose(found, plain, rtol=1e-3, atol=1e-6)


def test_a_network_without_convolutions_has_none() -> None:
    with pytest.raises(UserError, match="no convolutions"):
        explain.grad_cam(
            registry.build(NetworkOptions(model="mlp"), 10),
            np.zeros((1, 28, 28), np.uint8),
            np.zeros(1, np.int64),
        )


@pytest.mark.parametrize("method", [explain.integrated_gradients, explain.grad_cam])
def test_images_are_explained_alike_alone_and_among_others(method, reader: Network, some: Dataset) -> None:  # type: ignore[no-untyped-def]
    together = method(reader, some.images, some.labels)
    alone = method(reader, some.images[7:8], some.labels[7:8])
    np.testing.assert_allclose(alone[0], together[7], rtol=1e-2, atol=1e-3 * abs(together[7]).max())
    assert method(reader, some.images[:0], some.labels[:0]).shape == (0, 28, 28)


def test_a_black_image_is_explained_by_nothing(reader: Network) -> None:
    black = np.zeros((1, 28, 28), np.uint8)
    assert not explain.integrated_gradients(reader, black, np.array([0])).any()
