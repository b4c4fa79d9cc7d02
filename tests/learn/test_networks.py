"""One suite that every network passes; what differs between them stands in the tables at the top."""

import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from inkdigits import data
from inkdigits.learn import options
from inkdigits.learn.classifier import classifier
from inkdigits.learn.networks import registry, scaling
from inkdigits.learn.networks.classic import Shortcut
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import CHOICES, NetworkOptions, TrainOptions
from inkdigits.learn.train import train
from inkdigits.types import Dataset

N_PARAMETERS = {
    "mlp": 235_146,
    "article": 592_074,
    "lenet5": 61_706,
    "alexnet": 563_402,
    "vgg": 435_754,
    "resnet": 174_778,
    "strided": 166_406,
    "sprint": 47_450,
    "fast": 140_970,
    "strong": 266_234,
    "best": 493_626,
}
"""Of each network for ten classes, buffers left out."""

POOLED = ("article", "lenet5", "alexnet", "vgg", "sprint", "fast", "strong", "best")
"""The networks in which pooling can be chosen."""

ADAM = {"optimizer": "adam", "learning_rate": 3e-3, "epochs": 40.0}
BY_HEART: dict[str, dict[str, Any]] = {
    "mlp": ADAM,
    "article": ADAM,
    "lenet5": ADAM | {"epochs": 60.0},
    "alexnet": ADAM | {"width": 0.5, "epochs": 80.0},
    "vgg": ADAM | {"width": 0.5},
    "resnet": ADAM | {"width": 0.5},
    "strided": ADAM,
    "sprint": {"epochs": 40.0},
    "fast": {"epochs": 40.0},
    "strong": {"epochs": 40.0, "width": 0.5},
    "best": {"epochs": 40.0, "width": 0.5},
}
"""How each learns 32 digits by heart: full batches, so that an epoch is a step."""

every_network = pytest.mark.parametrize("name", registry.NETWORKS)


def build(name: str, n_classes: int = 10, *, seed: int = 0, **asked: Any) -> Network:
    return registry.build(NetworkOptions(model=name, **asked), n_classes, seed=seed)


def some(n: int) -> Tensor:
    return torch.randint(256, (n, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))


def logits(network: Network, images: Tensor) -> Tensor:
    with torch.inference_mode():
        found: Tensor = network.eval()(images)
    return found


def same_weights(first: Network, second: Network) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_tables_name_every_network() -> None:
    assert list(N_PARAMETERS) == list(BY_HEART) == list(registry.NETWORKS)


@every_network
def test_its_number_of_parameters_is_pinned(name: str) -> None:
    assert sum(weights.numel() for weights in build(name).parameters()) == N_PARAMETERS[name]


@every_network
@pytest.mark.parametrize("n_classes", [3, 10, 26])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_bytes_go_in_and_logits_come_out(name: str, n_classes: int, n: int) -> None:
    found = logits(build(name, n_classes, width=0.25), some(n))
    assert found.shape == (n, n_classes)
    assert found.dtype == torch.float32
    assert found.isfinite().all()


@every_network
@pytest.mark.parametrize("n", [1, 5])
def test_gradients_reach_every_weight(name: str, n: int) -> None:
    network = build(name, width=0.25, activation="gelu").train()
    if n == 1 and any(isinstance(layer, nn.BatchNorm1d) for layer in network.modules()):
        pytest.skip("a batch norm over vectors needs two images")
    network(some(n)).logsumexp(1).sum().backward()
    for weights in network.parameters():
        assert weights.grad is not None
        assert weights.grad.isfinite().all()


@every_network
def test_the_seed_alone_decides_the_first_weights(name: str) -> None:
    torch.manual_seed(1)
    first = build(name, seed=5)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert same_weights(first, build(name, seed=5))
    assert not same_weights(first, build(name, seed=6))
    assert torch.equal(before, torch.get_rng_state())


@every_network
def test_batch_mates_have_no_say_in_evaluation(name: str) -> None:
    network, images = build(name), some(16)
    network.train()(some(32))
    together = logits(network, images)
    alone = torch.cat([logits(network, images[i : i + 1]) for i in range(16)])
    torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-4)


@every_network
def test_scoring_changes_nothing(name: str) -> None:
    network = build(name)
    kept = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    first = logits(network, some(3))
    assert torch.equal(first, logits(network, some(3)))
    assert all(torch.equal(kept[key], tensor) for key, tensor in network.state_dict().items())


@every_network
def test_width_scales_it(name: str) -> None:
    sizes = [
        sum(weights.numel() for weights in build(name, width=width).parameters()) for width in (0.5, 1.0, 2.0)
    ]
    assert sizes[0] < 0.7 * sizes[1] < 0.5 * sizes[2]


@every_network
def test_the_activation_can_be_chosen(name: str) -> None:
    found = [logits(build(name, activation=word), some(2)) for word in CHOICES["activation"]]
    for i, first in enumerate(found):
        assert all(not torch.allclose(first, other) for other in found[i + 1 :])


@every_network
def test_pooling_can_be_chosen_where_the_network_pools(name: str) -> None:
    by_maximum, by_average = (logits(build(name, pooling=word), some(2)) for word in CHOICES["pooling"])
    assert torch.equal(by_maximum, by_average) == (name not in POOLED)


@every_network
def test_a_saved_network_keeps_its_scaling(name: str) -> None:
    kept = registry.build(NetworkOptions(model=name), 10, mean=50.0, deviation=60.0).state_dict()
    assert (kept["scaling.mean"].item(), kept["scaling.deviation"].item()) == (50.0, 60.0)


@pytest.mark.parametrize(("word", "low", "high"), [("unit", 0, 1), ("signed", -1, 1)])
def test_scaling_to_a_range_takes_black_and_white_to_its_ends(word: str, low: float, high: float) -> None:
    ramp = torch.arange(256, dtype=torch.uint8)[:, None, None].expand(256, 28, 28)
    found = scaling.build(word, 1.0, 2.0)(ramp)
    assert found.shape == (256, 1, 28, 28)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found[:, 0, 3, 4], np.linspace(low, high, 256), atol=1e-6)
    assert (found.min().item(), found.max().item()) == (low, high)


def test_standard_scaling_gives_mean_0_and_deviation_1(digits: Dataset) -> None:
    mean, deviation = digits.images.mean(), digits.images.std()
    found = scaling.build("standard", float(mean), float(deviation))(torch.from_numpy(digits.images))
    assert found.mean().item() == pytest.approx(0, abs=1e-5)
    assert found.std().item() == pytest.approx(1, abs=1e-5)


def test_the_top_hat_is_opencvs_stretched_to_white(digits: Dataset) -> None:
    random = np.random.default_rng(0)
    slope = np.linspace(0, 1, 28)[:, None] * np.linspace(100, 200, 28)
    papers = (0, 90, slope, random.integers(0, 150, (28, 28)))
    images = np.array(
        [
            (image * 0.4 + paper).clip(0, 255).round()
            for image, paper in zip(digits.images[:40], itertools.cycle(papers), strict=False)
        ],
        dtype=np.uint8,
    )
    square = np.ones((scaling.SPAN, scaling.SPAN), np.uint8)
    hats = [cv2.morphologyEx(image, cv2.MORPH_TOPHAT, square).astype(np.float64) for image in images]
    expected = np.array([255 * hat / hat.max() for hat in hats])
    found = scaling.build("tophat", 10.0, 20.0)(torch.from_numpy(images))
    np.testing.assert_allclose(found[:, 0], (expected - 10) / 20, atol=1e-4)


def test_the_top_hat_leaves_digits_as_they_are_and_takes_grey_paper_away(data_folder: Path) -> None:
    hat, plain = scaling.build("tophat", 0.0, 1.0), scaling.build("standard", 0.0, 1.0)
    images = torch.from_numpy(data.load("mnist", "train").images[:2_000])
    kept = plain(images)
    kept *= 255 / kept.amax((2, 3), keepdim=True)
    same = (hat(images) - kept).abs().amax((1, 2, 3)) < 0.01
    assert same.float().mean() > 0.99
    on_grey = (images // 2 + 100)[same]
    torch.testing.assert_close(hat(on_grey), kept[same], atol=4, rtol=0)


def test_faint_specks_are_not_stretched_to_ink() -> None:
    blank = torch.full((1, 28, 28), 200, dtype=torch.uint8)
    blank[0, 3, 4] += 2
    assert scaling.build("tophat", 0.0, 1.0)(blank).max().item() == 2 * 255 / 16


def test_the_usual_mean_and_deviation_are_those_that_everyone_uses_for_mnist() -> None:
    found = (scaling.MNIST_MEAN / 255, scaling.MNIST_DEVIATION / 255)
    assert found == pytest.approx((0.1307, 0.3081), abs=5e-5)


def test_scores_are_the_softmax_of_the_logits_over_the_temperature(digits: Dataset) -> None:
    network = build("lenet5")
    z = logits(network, torch.from_numpy(digits.images)).double().numpy()
    for temperature in (1.0, 2.5):
        e = np.exp(z / temperature)
        found = classifier(network, temperature=temperature)(digits.images)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, e / e.sum(1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 1000, 1001])
def test_any_number_of_images_is_scored_in_evaluation_mode(n: int) -> None:
    network = build("vgg", width=0.1).train()
    images = np.zeros((n, 28, 28), np.uint8)
    images.setflags(write=False)
    assert classifier(network)(images).shape == (n, 10)
    assert not network.training


@every_network
def test_32_digits_are_learnt_by_heart(name: str, digits: Dataset) -> None:
    few = digits.select(np.arange(32), split="train")
    asked = options.change(
        TrainOptions(), {"model": name, "batch": 32, "precision": "fp32", "device": "cpu", **BY_HEART[name]}
    )
    trained = train(few, None, asked)
    assert (classifier(trained.network)(few.images).argmax(1) == few.labels).all()


def test_a_shortcut_is_the_strided_convolution() -> None:
    layer = Shortcut(4, 8, stride=2)
    for size in (7, 8):
        x = torch.randn(3, 4, size, size)
        torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight, stride=2))
