"""The model file and the training state: safetensors with everything about themselves as metadata.

Never pickle. All metadata is one JSON text under one key, so that equal models are equal bytes.
"""

import hashlib
import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from inkdigits import files
from inkdigits.errors import UserError
from inkdigits.learn.networks import registry
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import NetworkOptions

FORMAT = 1
"""The model file's version; a file of another version is refused."""

_KEY = "inkdigits"
_LARGEST = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a model file says about its model.

    `label_names` are in the order of the scores; `temperature` divides the logits; `thresholds` maps an
    error rate to the least confidence that keeps to it; `provenance` tells data, seed, versions, figures.
    """

    network: NetworkOptions
    label_names: tuple[str, ...]
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network with its card, ready to score."""

    network: Network
    card: Card


def save(path: Path, model: Model) -> None:
    """Writes the model file, atomically: the same model gives the same bytes."""
    card = {"format": FORMAT, **asdict(model.card), "preprocessing": preprocessing(model.network)}
    tensors = {name: t.contiguous() for name, t in model.network.state_dict().items()}
    files.write(path, pack(tensors, card))


def load(path: Path) -> Model:
    """The network that a model file describes, with its weights, in evaluation mode.

    Raises UserError where the file is missing, torn, of another version, or doesn't fit its own card.
    """
    tensors, about = unpack(path)
    if about.get("format") != FORMAT:
        raise UserError(
            f"{path} is a model file of format {about.get('format')}, but this reads format {FORMAT}"
        )
    try:
        card, described = _card(about), about["preprocessing"]
        network = registry.build(card.network, len(card.label_names))
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError, UserError) as error:
        raise UserError(f"{path} does not hold the network that it describes: {_reason(error)}") from error
    if described != preprocessing(network):
        raise UserError(f"{path} was made with other preprocessing: {described!r}")
    return Model(network=network.eval(), card=card)


def _card(about: Mapping[str, Any]) -> Card:
    card = Card(
        network=NetworkOptions(**about["network"]),
        label_names=tuple(about["label_names"]),
        temperature=float(about["temperature"]),
        thresholds=dict(about["thresholds"]),
        provenance=dict(about["provenance"]),
    )
    names = about["label_names"]
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise ValueError("it names no labels")
    if not 0 < card.temperature < math.inf:
        raise ValueError(f"its temperature is {card.temperature:g}")
    return card


def preprocessing(network: Network) -> dict[str, str]:
    """The name of what happens to pixels before the first layer, and a hash of its numbers."""
    numbers = f"{network.scaling.mean.item():.9g},{network.scaling.deviation.item():.9g}"
    name = f"digit-image, minus {network.scaling.mean.item():g}, over {network.scaling.deviation.item():g}"
    return {"name": name, "sha256": hashlib.sha256(numbers.encode()).hexdigest()}


def pack(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """Tensors and a JSON-able description as the bytes of a safetensors file."""
    text = json.dumps(about, sort_keys=True, ensure_ascii=False)
    content: bytes = safetensors.torch.save(dict(tensors), metadata={_KEY: text})
    return content


def unpack(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `pack` put into the file at `path`. Raises UserError where it is missing, torn or not ours."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path} is larger than {_LARGEST >> 20} MiB; a model file is smaller")
        path.open("rb").close()  # safetensors says of any file that it can't open that there is none
        with safetensors.safe_open(str(path), framework="pt") as file:
            about = json.loads((file.metadata() or {})[_KEY])
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
