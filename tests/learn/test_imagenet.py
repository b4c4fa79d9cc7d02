"""The networks that others have trained on ImageNet: names and shapes are those of the published files."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from inkdigits.learn import options
from inkdigits.learn.classifier import classifier
from inkdigits.learn.networks import imagenet, registry
from inkdigits.learn.networks.imagenet import SameConv2d
from inkdigits.learn.options import NetworkOptions, TrainOptions
from inkdigits.learn.train import train
from inkdigits.types import Dataset

Shape = tuple[int, ...]

N_PUBLISHED = {
    "resnet18": 11_689_512,
    "vgg11_bn": 132_868_840,
    "vgg16_bn": 138_365_992,
    "efficientnet_lite0": 4_652_008,
}
"""Parameters as published, for three colours and a thousand classes."""

COLOURS = {"resnet18": 2 * 64 * 49, "vgg11_bn": 2 * 64 * 9, "vgg16_bn": 2 * 64 * 9, "efficientnet_lite0": 576}
"""Of the first kernels, those of two of three colours."""

every_published = pytest.mark.parametrize("name", registry.PUBLISHED)


def norm(name: str, n: int) -> Iterator[tuple[str, Shape]]:
    for each in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{each}", (n,)
    yield f"{name}.num_batches_tracked", ()


def resnet18() -> Iterator[tuple[str, Shape]]:
    yield "conv1.weight", (64, 1, 7, 7)
    yield from norm("bn1", 64)
    n_in = 64
    for stage, n in enumerate((64, 128, 256, 512), 1):
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            yield f"{name}.conv1.weight", (n, n_in, 3, 3)
            yield from norm(f"{name}.bn1", n)
            yield f"{name}.conv2.weight", (n, n, 3, 3)
            yield from norm(f"{name}.bn2", n)
            if n_in != n:
                yield f"{name}.downsample.0.weight", (n, n_in, 1, 1)
                yield from norm(f"{name}.downsample.1", n)
            n_in = n
    yield "fc.weight", (1000, 512)
    yield "fc.bias", (1000,)


def vgg(places: dict[int, int]) -> Iterator[tuple[str, Shape]]:
    """From where each convolution stands among the features to its channels."""
    n_in = 1
    for at, n in places.items():
        yield f"features.{at}.weight", (n, n_in, 3, 3)
        yield f"features.{at}.bias", (n,)
        yield from norm(f"features.{at + 1}", n)
        n_in = n
    for at, n_out, n_before in ((0, 4096, 512 * 49), (3, 4096, 4096), (6, 1000, 4096)):
        yield f"classifier.{at}.weight", (n_out, n_before)
        yield f"classifier.{at}.bias", (n_out,)


def efficientnet_lite0() -> Iterator[tuple[str, Shape]]:
    """Read off the file `efficientnet-lite0-57934424.pth`."""
    yield "_conv_stem.weight", (32, 1, 3, 3)
    yield from norm("_bn0", 32)
    widths = [32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]
    sizes = [3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3]
    for block, (n_in, n_out, size) in enumerate(zip(widths, widths[1:], sizes, strict=False)):
        wide = n_in if block == 0 else 6 * n_in
        if block:
            yield f"_blocks.{block}._expand_conv.weight", (wide, n_in, 1, 1)
            yield from norm(f"_blocks.{block}._bn0", wide)
        yield f"_blocks.{block}._depthwise_conv.weight", (wide, 1, size, size)
        yield from norm(f"_blocks.{block}._bn1", wide)
        yield f"_blocks.{block}._project_conv.weight", (n_out, wide, 1, 1)
        yield from norm(f"_blocks.{block}._bn2", n_out)
    yield "_conv_head.weight", (1280, 320, 1, 1)
    yield from norm("_bn1", 1280)
    yield "_fc.weight", (1000, 1280)
    yield "_fc.bias", (1000,)


PUBLISHED = {
    "resnet18": dict(resnet18()),
    "vgg11_bn": dict(vgg({0: 64, 4: 128, 8: 256, 11: 256, 15: 512, 18: 512, 22: 512, 25: 512})),
    "vgg16_bn": dict(
        vgg(
            {0: 64, 3: 64, 7: 128, 10: 128, 14: 256, 17: 256, 20: 256}
            | {24: 512, 27: 512, 30: 512, 34: 512, 37: 512, 40: 512}
        )
    ),
    "efficientnet_lite0": dict(efficientnet_lite0()),
}


@every_published
def test_names_shapes_and_numbers_are_those_published_but_for_two_colours(name: str) -> None:
    with torch.device("meta"):
        layers = registry.PUBLISHED[name](NetworkOptions(model=name), 1000)
    found = {key: tuple(tensor.shape) for key, tensor in layers.state_dict().items()}
    assert found == PUBLISHED[name]
    assert sum(weight.numel() for weight in layers.parameters()) == N_PUBLISHED[name] - COLOURS[name]


@every_published
def test_bytes_go_in_and_logits_come_out_whatever_the_batch(name: str) -> None:
    network = registry.build(NetworkOptions(model=name, width=0.1), 7).eval()
    images = torch.randint(256, (5, 28, 28), dtype=torch.uint8)
    with torch.inference_mode():
        together = network(images)
        alone = torch.cat([network(images[at : at + 1]) for at in range(5)])
    assert together.shape == (5, 7)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("size", "stride", "side"), [(3, 2, 56), (3, 2, 7), (5, 2, 14), (5, 1, 7), (1, 1, 4)]
)
def test_odd_padding_goes_to_the_right_and_below(size: int, stride: int, side: int) -> None:
    """Against the place of a single bright pixel, written out."""
    layer = SameConv2d(1, 1, size, stride=stride)
    maps = torch.randn(2, 1, side, side)
    found = layer(maps)
    n = -(-side // stride)
    missing = max(0, (n - 1) * stride + size - side)
    padded = np.zeros((2, side + missing, side + missing), np.float32)
    before = missing // 2
    padded[:, before : before + side, before : before + side] = maps[:, 0].numpy()
    kernel = layer.weight[0, 0].detach().numpy()
    expected = [
        [
            (each[y * stride : y * stride + size, x * stride : x * stride + size] * kernel).sum()
            for x in range(n)
        ]
        for each in padded
        for y in range(n)
    ]
    np.testing.assert_allclose(found.detach().numpy().reshape(2 * n, n), expected, atol=1e-5)


def test_images_are_enlarged_smoothly_to_twice_their_side(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    network = registry.build(NetworkOptions(model="resnet18", width=0.1, scaling="unit"), 10).eval()
    kernel = network.layers.get_submodule("conv1")
    kernel.register_forward_pre_hook(lambda _layer, given: seen.append(given[0]))
    images = torch.randint(256, (2, 28, 28), dtype=torch.uint8)
    network(images)
    assert seen[0].shape == (2, 1, imagenet.SIDE, imagenet.SIDE)
    back = F.avg_pool2d(seen[0], 2)[:, 0, 1:-1, 1:-1]
    soft = F.conv2d(images[:, None] / 255, torch.tensor([[[[1.0, 6, 1], [6, 36, 6], [1, 6, 1]]]]) / 64)[:, 0]
    torch.testing.assert_close(back, soft, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("name", "width"), [("resnet18", 0.1), ("vgg11_bn", 0.1), ("efficientnet_lite0", 0.3)]
)
def test_digits_are_learnt_by_heart(name: str, width: float, digits: Dataset) -> None:
    few = digits.select(np.arange(32), split="train")
    plain = {"batch": 32, "precision": "fp32", "device": "cpu", "optimizer": "adam", "learning_rate": 3e-3}
    asked = options.change(TrainOptions(), {"model": name, "width": width, "epochs": 60.0, **plain})
    trained = train(few, None, asked)
    assert (classifier(trained.network)(few.images).argmax(1) == few.labels).mean() > 0.95
