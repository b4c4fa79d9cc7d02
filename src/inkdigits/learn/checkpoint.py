"""The model file and the training state: safetensors with everything about themselves as metadata.

Never pickle. All metadata is one JSON text under one key, so that equal models are equal bytes.
"""

import hashlib
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from inkdigits import card, files
from inkdigits.card import Card
from inkdigits.errors import UserError
from inkdigits.learn.networks import registry
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import NetworkOptions

_LARGEST = 4 << 30
"""Bytes of the largest file that is read: the state of a VGG-16 with its best weights has 1.6 billion."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network with its card, ready to score."""

    network: Network
    card: Card


def save(path: Path, model: Model, *, in_half: bool = False) -> None:
    """Writes the model file, atomically: the same model gives the same bytes.

    Matrices and kernels are written `in_half` the precision where the file is to be small; it loads alike.
    """
    weights = model.network.state_dict().items()
    tensors = {name: t.half() if in_half and t.ndim > 1 else t for name, t in weights}
    files.write(path, pack(tensors, card.about(complete(model))))


def complete(model: Model) -> Card:
    """The model's card, with what its network does to pixels."""
    return replace(model.card, preprocessing=preprocessing(model.network))


def load(path: Path) -> Model:
    """The network that a model file describes, with its weights, in evaluation mode.

    Raises UserError where the file is missing, torn, of another version, or doesn't fit its own card.
    """
    tensors, about = unpack(path)
    if about.get("format") != card.FORMAT:
        raise UserError(
            f"{path} is a model file of format {about.get('format')}, but this reads format {card.FORMAT}"
        )
    try:
        described = card.parse(about)
        network = registry.build(NetworkOptions(**described.network), len(described.label_names))
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError, UserError) as error:
        raise UserError(f"{path} does not hold the network that it describes: {_reason(error)}") from error
    if described.preprocessing != preprocessing(network):
        raise UserError(f"{path} was made with other preprocessing: {described.preprocessing!r}")
    return Model(network=network.eval(), card=described)


def preprocessing(network: Network) -> dict[str, str]:
    """The name of what happens to pixels before the first layer, and a hash of its numbers."""
    scaling = network.scaling
    numbers = f"{scaling.before}{scaling.mean.item():.9g},{scaling.deviation.item():.9g}"
    by = f"minus {scaling.mean.item():g}, over {scaling.deviation.item():g}"
    name = f"digit-image, {scaling.before}{by}"
    return {"name": name, "sha256": hashlib.sha256(numbers.encode()).hexdigest()}


def pack(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """Tensors and a JSON-able description as the bytes of a safetensors file."""
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    content: bytes = safetensors.torch.save(contiguous, metadata={card.KEY: card.text(about)})
    return content


def unpack(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `pack` put into the file at `path`. Raises UserError where it is missing, torn or not ours."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path} is larger than {_LARGEST >> 20} MiB; a model file is smaller")
        path.open("rb").close()  # safetensors says of any file that it can't open that there is none
        with safetensors.safe_open(str(path), framework="pt") as file:
            about = json.loads((file.metadata() or {})[card.KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except KeyError as error:
        raise UserError(f"{path} is a safetensors file, but not one of inkdigits") from error
    except (OSError, ValueError, RecursionError, safetensors.SafetensorError) as error:
        raise UserError(f"cannot read {path}: {_reason(error)}") from error
    if not isinstance(about, dict):
        raise UserError(f"{path} is a safetensors file, but not one of inkdigits")
    return tensors, about


def _reason(error: Exception) -> str:
    """What went wrong, in a line: of PyTorch's lists, the first entry."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = lines[1] if lines[0].endswith(":") and len(lines) > 1 else lines[0]
    return textwrap.shorten(line.rstrip("."), 200, placeholder=" …")
