"""What a model file says about its model: the same text in safetensors and in ONNX."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT = 1
"""The model file's version; a file of another version is refused."""

NONE = "none"
"""The label of what is no digit, in models that tell it."""

LINE_MODELS = ("number",)
"""The networks that read lines; the others tell single digits."""

KEY = "inkdigits"
"""The key under which both formats keep the card in their metadata."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a model file says about its model.

    `network` are the options that rebuild the network; `label_names` are in the order of the scores;
    `temperature` divides the logits; `thresholds` maps an error rate to the least confidence that keeps to
    it; `preprocessing` names what happens to pixels before the first layer, with a hash of its numbers;
    `provenance` tells data, seed, versions, figures.
    """

    network: Mapping[str, Any]
    label_names: tuple[str, ...]
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    preprocessing: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reads_lines(self) -> bool:
        """Whether the model takes strips and answers with texts; else it takes digit images."""
        return self.network.get("model") in LINE_MODELS

    @property
    def lessons(self) -> tuple[Mapping[str, Any], ...]:
        """What is told of the runs that made the model, the last one first."""
        found: list[Mapping[str, Any]] = []
        lesson: Any = self.provenance
        while isinstance(lesson, Mapping) and lesson:
            found.append(lesson)
            start = lesson.get("start")
            lesson = start.get("provenance") if isinstance(start, Mapping) else None
        return tuple(found)


def about(card: Card) -> dict[str, Any]:
    """The card as plain values, with the file's version."""
    return {"format": FORMAT, **asdict(card)}


def text(about: Mapping[str, Any]) -> str:
    """Plain values as JSON: equal ones give equal texts."""
    return json.dumps(about, sort_keys=True, ensure_ascii=False)


def parse(about: Mapping[str, Any]) -> Card:
    """The card that decoded JSON describes. Raises KeyError, TypeError or ValueError where it is none."""
    if about["format"] != FORMAT:
        raise ValueError(f"it is a model file of format {about['format']}, but this reads format {FORMAT}")
    names = about["label_names"]
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise ValueError("it names no labels")
    card = Card(
        network=dict(about["network"]),
        label_names=tuple(names),
        temperature=float(about["temperature"]),
        thresholds={f"{float(rate):g}": float(least) for rate, least in about["thresholds"].items()},
        preprocessing=dict(about["preprocessing"]),
        provenance=dict(about["provenance"]),
    )
    if not 0 < card.temperature < math.inf:
        raise ValueError(f"its temperature is {card.temperature:g}")
    return card
