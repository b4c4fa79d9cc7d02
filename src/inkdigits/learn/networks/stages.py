"""A network in stages: layers that train or stay as they are together, the last of which is the head."""

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import nn

from inkdigits.errors import ArgumentError
from inkdigits.learn.networks.registry import Network

WHOLES = ("none", "features", "head-only")
"""What may be frozen by a word: nothing; all up to the last convolution; all but the head."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """A layer with kernels or a matrix, and what follows it up to the next one.

    `weights` are its parameters by their names, those of the model file without "layers.". A residual block
    is one layer.
    """

    weights: dict[str, nn.Parameter]
    convolves: bool

    @property
    def n_weights(self) -> int:
        """How many numbers its parameters are."""
        return sum(weight.numel() for weight in self.weights.values())


def stages(network: Network) -> list[Stage]:
    """The stages of a network, from the image to the head."""
    found: list[list[tuple[str, nn.Module]]] = []
    for name, layer in layers(network.layers):
        if any(weight.ndim > 1 for weight in layer.parameters()) or not found:
            found.append([])
        found[-1].append((name, layer))
    made = [_stage(layers) for layers in found]
    return [stage for stage in made if stage.weights]


def layers(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers in their order with their names, those within a sequence one by one; a block is one."""
    for name, layer in module.named_children():
        path = f"{prefix}{name}"
        if isinstance(layer, nn.Sequential):
            yield from layers(layer, f"{path}.")
        else:
            yield path, layer


def frozen(network: Network, freeze: str) -> frozenset[str]:
    """The names of the weights that stay as they are.

    `freeze` is one of `WHOLES`, a number of stages, counted from the image, or a pattern that names have to
    match (* is any text). Raises ArgumentError where it means nothing here, or leaves nothing to train.
    """
    parts = stages(network)
    names = [name for stage in parts for name in stage.weights]
    chosen = _chosen(parts, names, freeze)
    if len(chosen) == len(names):
        raise ArgumentError(f"freeze {freeze} leaves nothing to train: there are {len(parts)} stages")
    return frozenset(chosen)


def _chosen(parts: Sequence[Stage], names: Sequence[str], freeze: str) -> list[str]:
    match freeze:
        case "none":
            return []
        case "head-only":
            return _names(parts[:-1])
        case "features":
            last = max((at for at, stage in enumerate(parts[:-1]) if stage.convolves), default=-1)
            return _names(parts[: last + 1])
    if freeze.isdecimal():
        return _names(parts[: int(freeze)])
    chosen = [name for name in names if fnmatch.fnmatchcase(name, freeze)]
    if not chosen:
        raise ArgumentError(
            f"freeze is {freeze!r}, which no weight's name matches; one of: {', '.join(WHOLES)}, a number of"
            f" stages, or a pattern for names such as {names[0]}"
        )
    return chosen


def _names(parts: Sequence[Stage]) -> list[str]:
    return [name for stage in parts for name in stage.weights]


def _stage(layers: Sequence[tuple[str, nn.Module]]) -> Stage:
    weights = {f"{name}.{own}": weight for name, layer in layers for own, weight in layer.named_parameters()}
    convolves = any(weight.ndim > 2 for weight in weights.values())
    return Stage(weights=weights, convolves=convolves)
