"""Attacks against a linear network, whose worst image is known, and against ones that were trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inkdigits import data
from inkdigits.learn import adversarial, options, train
from inkdigits.learn.networks import registry, scaling
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import NetworkOptions, TrainOptions
from inkdigits.types import Dataset

N = 200


def linear(seed: int = 0) -> tuple[Network, Tensor]:
    """A network of two classes that is linear in the pixels, and its weights: (2, 784)."""
    layer = nn.Linear(28 * 28, 2)
    torch.manual_seed(seed)
    nn.init.normal_(layer.weight, std=0.02)  # larger ones leave float32 no slope
    return Network(scaling.build("unit", 0, 1), nn.Sequential(nn.Flatten(), layer)), layer.weight.detach()


def some(n: int = N) -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(1)
    images = torch.from_numpy(random.integers(0, 256, (n, 28, 28), dtype=np.uint8))
    return images, torch.from_numpy(random.integers(0, 2, n))


def worst(images: Tensor, labels: Tensor, weights: Tensor, epsilon: float) -> Tensor:
    """Of a linear network: every pixel moved against the difference of the weights, as far as it may."""
    slope = weights[1 - labels] - weights[labels]
    moved = images.float() + 255 * epsilon * slope.sign().view_as(images)
    return moved.clamp(0, 255)


@pytest.mark.parametrize("epsilon", [0.05, 0.3])
def test_a_linear_networks_worst_image_is_found_by_one_step_and_by_many(epsilon: float) -> None:
    network, weights = linear()
    images, labels = some()
    wanted = worst(images, labels, weights, epsilon)
    assert torch.equal(adversarial.fgsm(network, images, labels, epsilon), wanted)
    start = images.float() + 255 * epsilon * (2 * torch.rand(images.shape) - 1)
    found = adversarial.pgd(network, images, labels, epsilon, steps=80, start=start.clamp(0, 255))
    assert torch.allclose(found, wanted, atol=1e-3)


@pytest.mark.parametrize("epsilon", [0.1, 0.3])
def test_the_single_step_is_the_plain_one_from_starts_beyond_black_and_white(epsilon: float) -> None:
    """Of a linear network the slope is the same everywhere, so the step can be written down."""
    network, weights = linear()
    images, labels = some()
    images[:, :14] = 0
    start = torch.rand(images.shape)
    slope = (weights[1 - labels] - weights[labels]).sign().view_as(images)
    reach = 255 * epsilon
    begun = images + (2 * start - 1) * reach
    moved = torch.minimum(torch.maximum(begun + 1.25 * reach * slope, images - reach), images + reach)

    def loss(logits: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, labels)

    found = adversarial.single_step(network, images, loss, epsilon, start=start)
    assert torch.allclose(found, moved.clamp(0, 255), atol=1e-3)
    assert (begun < 0).any()


def test_every_restart_and_every_epoch_begins_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    network, _ = linear()
    images, labels = some(20)
    dataset = Dataset(
        name="drawn", split="test", images=images.numpy(), labels=labels.numpy(), label_names=("a", "b")
    )
    starts: list[Tensor] = []

    def without_steps(
        _network: object, shown: Tensor, *_rest: object, start: Tensor, **_more: object
    ) -> Tensor:
        starts.append(start)
        return shown.float()

    monkeypatch.setattr(adversarial, "pgd", without_steps)
    adversarial.attacks(network, dataset)
    assert len(starts) == 3 * adversarial.RESTARTS
    assert len({start.numpy().tobytes() for start in starts}) == len(starts)
    stands = images[network(images).argmax(1) == labels].float()
    for epsilon, start in zip(np.repeat(adversarial.EPSILONS, adversarial.RESTARTS), starts, strict=True):
        away = (start - stands).abs()
        assert away.max() <= 255 * epsilon + 1e-3
        assert away.max() > 0.9 * 255 * epsilon
    asked = options.change(TrainOptions(), {"adversarial": 0.3})
    rows = torch.arange(20)
    lessons = [
        adversarial.lessons(network, images, rows, lambda logits, _: logits.sum(), None, asked, epoch=epoch)
        for epoch in (0, 0, 1)
    ]
    assert torch.equal(lessons[0], lessons[1])
    assert not torch.equal(lessons[0], lessons[2])


def test_attacks_stay_within_their_reach_and_leave_the_network_as_it_was() -> None:
    network = registry.build(NetworkOptions(model="lenet5"), 2, seed=3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images, labels = some(20)
    start = torch.rand(images.shape)
    for found in (
        adversarial.fgsm(network, images, labels, 0.2),
        adversarial.pgd(network, images, labels, 0.2, steps=3),
        adversarial.single_step(network, images, lambda logits: logits[:, 0].sum(), 0.2, start=start),
    ):
        assert (found - images.float()).abs().max() <= 0.2 * 255 + 1e-3
        assert found.min() >= 0
        assert found.max() <= 255
        assert (found != images.float()).any(dim=(1, 2)).all()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())


def test_what_is_left_of_a_linear_networks_accuracy_is_what_its_margins_say() -> None:
    network, weights = linear()
    images, labels = some()
    dataset = Dataset(
        name="drawn", split="test", images=images.numpy(), labels=labels.numpy(), label_names=("a", "b")
    )
    found = adversarial.attacks(network, dataset)
    assert [each.epsilon for each in found] == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3]
    with torch.no_grad():
        for each in found:
            moved = network(worst(images, labels, weights, each.epsilon)).argmax(1)
            stands = (moved == labels) & (network(images).argmax(1) == labels)
            assert each.accuracy == pytest.approx(stands.float().mean().item())
            assert each.n == N
    assert all(weight.requires_grad for weight in network.parameters())


def test_training_on_attacked_images_makes_a_network_that_bears_them(data_folder: Path) -> None:
    mnist = data.load("mnist", "train")
    lessons = mnist.select(np.arange(6000), split="train")
    shown = mnist.select(np.arange(59_800, 60_000), split="held")
    left = {}
    for epsilon in (0.0, 0.1):
        asked = {"model": "lenet5", "epochs": 4.0, "batch": 50, "optimizer": "adam", "learning_rate": 2e-3}
        asked |= {"label_smoothing": 0.0, "precision": "fp32", "device": "cpu", "adversarial": epsilon}
        network = train.train(lessons, None, options.change(TrainOptions(), asked)).network
        start = torch.from_numpy(shown.images).float()
        moved = adversarial.pgd(network.eval(), start, torch.from_numpy(shown.labels), 0.1, steps=20)
        with torch.no_grad():
            left[epsilon] = (network(moved).argmax(1).numpy() == shown.labels).mean()
    assert left[0.1] > left[0.0] + 0.2
    assert left[0.1] > 0.7


def test_the_same_run_gives_the_same_weights(data_folder: Path) -> None:
    lessons = data.load("mnist", "train").select(np.arange(500), split="train")
    asked = {"model": "lenet5", "epochs": 1.0, "batch": 50, "adversarial": 0.3, "precision": "fp32"}
    networks = [train.train(lessons, None, options.change(TrainOptions(), asked)).network for _ in range(2)]
    states = [network.state_dict() for network in networks]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    plain = train.train(lessons, None, options.change(TrainOptions(), asked | {"adversarial": 0.0})).network
    assert not torch.equal(next(plain.parameters()), next(networks[0].parameters()))
