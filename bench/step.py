"""A training step against the bare convolutions inside it, forward and backward."""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from bench import results
from inkdigits.learn import options as learning
from inkdigits.learn.device import is_faster_in_bf16
from inkdigits.learn.networks import registry
from inkdigits.learn.train import Watch, train
from inkdigits.types import Dataset

N_STEPS = 60


def measure(presets: tuple[str, ...] = ("sprint", "fast", "strong", "best")) -> None:
    """Milliseconds of the step and of its convolutions, as the median of several rounds in turn."""
    found = {}
    for name in presets:
        options = learning.change(learning.preset(name), {"validation": 0.0})
        bare = _convolutions(options)
        rounds = [(_seconds(bare, 10), _step_seconds(options)) for _ in range(5)]
        convolutions, step = (statistics.median(column) for column in zip(*rounds, strict=True))
        found[name] = {
            "convolutions_ms": 1000 * convolutions,
            "step_ms": 1000 * step,
            "share": convolutions / step,
        }
    results.write("step", {"what": "batch of the preset, augmentation included", "presets": found})


def _step_seconds(options: learning.TrainOptions) -> float:
    """Seconds a step of the real training loop takes, on random images, after the first third."""
    rng = np.random.default_rng(0)
    n = options.batch * N_STEPS
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, n)
    names = tuple("0123456789")
    dataset = Dataset(name="noise", split="train", images=images, labels=labels, label_names=names)
    times: list[float] = []
    watch = Watch(after_step=lambda _step, _n, _loss: times.append(time.perf_counter()))
    train(
        dataset, None, learning.change(options, {"epochs": 1.0, "least_steps": 0, "patience": 0}), watch=watch
    )
    skipped = N_STEPS // 3
    return (times[-1] - times[skipped]) / (len(times) - 1 - skipped)


def _convolutions(options: learning.TrainOptions) -> Callable[[], None]:
    """A function that runs the network's convolutions alone, each on its own input, there and back."""
    network = registry.build(options.network, 10)
    dtype = torch.bfloat16 if is_faster_in_bf16(torch.device("cpu")) else torch.float32
    calls: list[tuple[nn.Conv2d, Tensor]] = []

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        calls.append((layer, torch.randn_like(inputs[0])))

    hooks = [m.register_forward_hook(keep) for m in network.modules() if isinstance(m, nn.Conv2d)]
    network(torch.zeros(options.batch, 28, 28, dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    prepared = [_prepared(layer, maps.to(dtype)) for layer, maps in calls]

    def run() -> None:
        for layer, kernel, maps, gradient in prepared:
            out = F.conv2d(maps, kernel, None, layer.stride, layer.padding)
            wanted = [kernel, maps] if maps.requires_grad else [kernel]
            torch.autograd.grad(out, wanted, gradient)

    return run


def _prepared(layer: nn.Conv2d, maps: Tensor) -> tuple[nn.Conv2d, Tensor, Tensor, Tensor]:
    kernel = layer.weight.detach().to(maps.dtype).contiguous(memory_format=torch.channels_last)
    maps = maps.contiguous(memory_format=torch.channels_last)
    maps.requires_grad_(layer.in_channels > 1)
    out = F.conv2d(maps, kernel, None, layer.stride, layer.padding)
    return layer, kernel.requires_grad_(), maps, torch.randn_like(out)


def _seconds(work: Callable[[], None], n: int) -> float:
    work()
    started = time.perf_counter()
    for _ in range(n):
        work()
    return (time.perf_counter() - started) / n
