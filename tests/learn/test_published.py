"""Published weights are taken as they are but for colours and the head; what doesn't fit is a sentence."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from inkdigits.errors import UserError
from inkdigits.learn import published
from inkdigits.learn.networks import registry
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import NetworkOptions

FIRST = {
    "resnet18": "conv1.weight",
    "vgg11_bn": "features.0.weight",
    "efficientnet_lite0": "_conv_stem.weight",
}
HEAD = {"resnet18": "fc", "vgg11_bn": "classifier.6", "efficientnet_lite0": "_fc"}


def network(name: str = "resnet18", n_classes: int = 10, *, seed: int = 0) -> Network:
    return registry.build(NetworkOptions(model=name, width=0.1), n_classes, seed=seed)


def coloured(name: str = "resnet18") -> dict[str, Tensor]:
    """Weights as they are published: for three colours and a thousand classes."""
    tensors = dict(network(name, 1000, seed=7).layers.state_dict())
    kernel = tensors[FIRST[name]]
    random = torch.Generator().manual_seed(5)
    tensors[FIRST[name]] = torch.randn((len(kernel), 3, *kernel.shape[2:]), generator=random)
    return {key: tensor.contiguous() for key, tensor in tensors.items()}


def written(path: Path, tensors: dict[str, Tensor]) -> Path:
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


def test_imagenets_real_weights_are_fetched_and_fit() -> None:
    try:
        path = published.fetch("efficientnet_lite0")
    except UserError as error:
        pytest.skip(f"the weights can't be had here: {error}")
    made = registry.build(NetworkOptions(model="efficientnet_lite0"), 10)
    published.load(path, made)
    held = torch.load(path, weights_only=True)
    key = FIRST["efficientnet_lite0"]
    np.testing.assert_allclose(made.layers.state_dict()[key][:, 0], held[key].numpy().sum(1), atol=1e-5)
    assert published.fetch("efficientnet_lite0") == path


def test_weights_that_nobody_is_known_to_publish_are_asked_for() -> None:
    with pytest.raises(UserError, match="name the file of vgg16_bn's weights with --weights"):
        published.fetch("vgg16_bn")


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_all_but_the_head_is_taken_and_colours_are_summed(name: str, suffix: str, tmp_path: Path) -> None:
    tensors = coloured(name)
    made = network(name)
    before = {key: tensor.clone() for key, tensor in made.layers.state_dict().items()}
    published.load(written(tmp_path / f"weights{suffix}", tensors), made)
    for key, tensor in made.layers.state_dict().items():
        if key.startswith(HEAD[name]):
            assert torch.equal(tensor, before[key])
        elif key == FIRST[name]:
            np.testing.assert_allclose(tensor[:, 0], tensors[key].numpy().sum(1), atol=1e-6)
        else:
            assert torch.equal(tensor, tensors[key])
    assert made.scaling.mean.item() == pytest.approx(0.449 * 255)
    assert made.scaling.deviation.item() == pytest.approx(0.226 * 255)


def test_a_grey_picture_scores_as_the_same_picture_in_three_colours() -> None:
    """By a convolution over three equal planes, which the summed kernel stands for."""
    tensors = coloured()
    grey = torch.randn(2, 1, 56, 56)
    in_colours = torch.nn.functional.conv2d(grey.expand(-1, 3, -1, -1), tensors["conv1.weight"], stride=2)
    summed = torch.nn.functional.conv2d(grey, tensors["conv1.weight"].sum(1, keepdim=True), stride=2)
    torch.testing.assert_close(in_colours, summed, atol=1e-4, rtol=1e-4)


def test_a_head_of_as_many_labels_is_taken_too_and_counts_of_batches_may_be_missing(tmp_path: Path) -> None:
    tensors = coloured() | {"fc.weight": torch.ones(10, 51), "fc.bias": torch.arange(10.0)}
    kept = {key: tensor for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")}
    made = network()
    published.load(written(tmp_path / "w.pth", {"state_dict": kept}), made)  # type: ignore[dict-item]
    assert torch.equal(made.layers.get_parameter("fc.bias"), torch.arange(10.0))


def test_training_goes_on_from_them(tmp_path: Path) -> None:
    made = network()
    published.load(written(tmp_path / "w.pth", coloured()), made)
    made.train()(torch.randint(256, (4, 28, 28), dtype=torch.uint8)).logsumexp(1).sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in made.parameters())


def without(name: str) -> Callable[[dict[str, Tensor]], None]:
    def change(tensors: dict[str, Tensor]) -> None:
        del tensors[name]

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without("layer1.0.conv1.weight"), "lacks layer1.0.conv1.weight, which the network has"),
        (
            lambda tensors: tensors.update({"layer9.weight": torch.ones(1)}),
            "holds layer9.weight, which the network doesn't have",
        ),
        (
            lambda tensors: tensors.update({"bn1.bias": torch.ones(64)}),
            "holds bn1.bias as 64, where 6 was expected",
        ),
        (
            lambda tensors: tensors.update({"conv1.weight": torch.ones(6, 4, 7, 7)}),
            "holds conv1.weight as 6×4×7×7, where 6×1×7×7 was expected",
        ),
    ],
)
def test_what_doesnt_fit_is_a_sentence_and_changes_nothing(
    change: Callable[[dict[str, Tensor]], None], sentence: str, tmp_path: Path
) -> None:
    tensors, made = coloured(), network()
    change(tensors)
    before = {key: tensor.clone() for key, tensor in made.state_dict().items()}
    with pytest.raises(UserError, match=r"w\.pth ") as told:
        published.load(written(tmp_path / "w.pth", tensors), made)
    assert sentence in str(told.value)
    assert all(torch.equal(tensor, before[key]) for key, tensor in made.state_dict().items())


class Code:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("name", ["code.pth", "torn.pth", "torn.safetensors", "text.pth", "a.onnx", "no.pth"])
def test_what_is_no_weights_is_a_sentence_and_no_code_is_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = written(
        tmp_path / f"whole{Path(name).suffix if 'torn' in name else '.pth'}", coloured()
    ).read_bytes()
    contents = {
        "code.pth": pickle.dumps({"fc.bias": Code()}, protocol=2),
        "torn.pth": whole[: len(whole) // 2],
        "torn.safetensors": whole[: len(whole) // 2],
        "text.pth": b"weights",
        "a.onnx": whole,
    }
    if name in contents:
        (tmp_path / name).write_bytes(contents[name])
    with pytest.raises(UserError, match=rf"{name}") as told:
        published.load(Path(name), network())
    assert "\n" not in str(told.value)
    assert not (tmp_path / "ran").exists()
