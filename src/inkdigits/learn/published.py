"""Weights that others have published, out of a file: tensors only, never code.

PyTorch's own files are pickles. They are read by its reader for tensors alone (`weights_only`), which refuses
whatever else is in them before it is built: published networks come in no other form.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from inkdigits.data import fetching, progress
from inkdigits.data.pinned import IMAGENET
from inkdigits.errors import ArgumentError, UserError
from inkdigits.learn.networks import imagenet, stages
from inkdigits.learn.networks.registry import Network

LARGEST = 2 << 30
"""The most bytes of such a file: VGG-16's has 553 MB."""

_SAFETENSORS, _PICKLED = (".safetensors",), (".pth", ".pt", ".bin")
_NESTED = ("state_dict", "model")
_COLOURS = 3


def fetch(name: str) -> Path:
    """Where the published weights of a network of `registry.PUBLISHED` now lie on this machine, checked.

    Downloads show a bar on standard error. Raises ArgumentError where it isn't known who publishes them,
    UserError where they can't be had.
    """
    if name not in IMAGENET:
        raise ArgumentError(f"name the file of {name}'s weights with --weights: they aren't fetched")
    with progress.bars() as report:
        return fetching.fetch_file(IMAGENET[name], report)


def load(path: Path, network: Network) -> None:
    """Gives a network of `registry.PUBLISHED` the weights in a file, but for its head, which is for others.

    Kernels for three colours are summed up into those for grey, and pixels are scaled as ImageNet's were. A
    head with as many labels is taken too. Raises UserError where the file can't be read, where a weight is
    missing or unknown, and where one has another shape; then nothing is changed.
    """
    given = _tensors(path)
    own = network.layers.state_dict()
    head = set(stages.stages(network)[-1].weights)
    unknown = [name for name in given if name not in own]
    if unknown:
        raise UserError(f"{path} holds {unknown[0]}, which the network doesn't have: it is another network's")
    found = {name: _fitting(path, name, given, tensor, in_head=name in head) for name, tensor in own.items()}
    network.layers.load_state_dict(found)
    network.scaling.mean.fill_(imagenet.MEAN)
    network.scaling.deviation.fill_(imagenet.DEVIATION)


def _fitting(path: Path, name: str, given: Mapping[str, Tensor], own: Tensor, *, in_head: bool) -> Tensor:
    """The file's tensor of that name, grey where it was coloured; the network's own where that may stay."""
    if name not in given:
        if in_head or name.endswith("num_batches_tracked"):
            return own
        raise UserError(f"{path} lacks {name}, which the network has: it is another network's")
    tensor = given[name]
    if tensor.ndim == own.ndim == 4 and (tensor.size(1), own.size(1)) == (_COLOURS, 1):
        tensor = tensor.sum(1, keepdim=True)
    if tensor.shape != own.shape and in_head:
        return own
    if tensor.shape != own.shape:
        raise UserError(
            f"{path} holds {name} as {_shown(given[name])}, where {_shown(own)} was expected: it is another"
            " network's, or of another width"
        )
    return tensor.to(own.dtype)


def _shown(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a number"


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path} is larger than {LARGEST >> 30} GiB; published weights are smaller")
        if path.suffix in _SAFETENSORS:
            return safetensors.torch.load_file(path)
        if path.suffix in _PICKLED:
            return _named(path, torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, ValueError, safetensors.SafetensorError) as error:
        raise UserError(
            f"cannot read {path}: {str(error).splitlines()[0] if str(error) else 'it is torn'}"
        ) from error
    except UserError:
        raise
    except Exception as error:  # an UnpicklingError, whose module is imported nowhere here
        raise UserError(f"{path} holds more than tensors, or is torn: it isn't read") from error
    raise UserError(f"{path} is no file of weights; it should end in {', '.join(_SAFETENSORS + _PICKLED)}")


def _named(path: Path, held: Any) -> dict[str, Tensor]:
    """The tensors by name, at the top or one level below."""
    for name in _NESTED:
        if isinstance(held, Mapping) and isinstance(held.get(name), Mapping):
            held = held[name]
    if not isinstance(held, Mapping) or not all(isinstance(each, Tensor) for each in held.values()):
        raise UserError(f"{path} holds no tensors by name")
    return {str(name): tensor for name, tensor in held.items()}
