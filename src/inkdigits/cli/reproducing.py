"""The commands that made a model, from what its file says."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from inkdigits import weights
from inkdigits.card import Card
from inkdigits.cli import finetuning
from inkdigits.cli.flags import words
from inkdigits.errors import ArgumentError
from inkdigits.evaluate import origins
from inkdigits.learn import options
from inkdigits.learn.finetune_order import Order
from inkdigits.learn.options import AugmentOptions, StartOptions, TrainOptions

_WIDTH = 90


def steps(card: Card) -> tuple[str, ...]:
    """A command for every run that made the model, the first one first, ready for a shell.

    None where one of them isn't told whole. Paths are without the folders that they lie in. What ships isn't
    made again to go on from it.
    """
    commands = [_command(lesson) for lesson in reversed(card.lessons) if not _is_of_shipped(lesson)]
    if any(command is None for command in commands):
        return ()
    return tuple(_wrapped(["inkdigits", *command]) for command in commands if command is not None)


def train(data: str, recorded: TrainOptions) -> list[str]:
    """The shortest `inkdigits train` that has these options: the nearest preset, and what differs from it."""
    wanted = options.flat(recorded)
    changes = {
        name: {key: value for key, value in wanted.items() if value != preset[key]}
        for name, preset in ((name, options.flat(options.preset(name))) for name in options.PRESETS)
    }
    nearest = min(changes, key=lambda name: len(changes[name]))
    given = changes[nearest]
    if "epochs" in given:
        given["least_steps"] = wanted["least_steps"]  # which epochs that are given would set to none
    if "label_smoothing" in given:
        given["temperature"] = wanted["temperature"]  # which a smoothing that is given would set to 1
    return ["train", data, *words({"preset": nearest} | given)]


def _is_of_shipped(lesson: Mapping[str, Any]) -> bool:
    return lesson.get("data") in weights.DRAWN


def _command(lesson: Mapping[str, Any]) -> list[str] | None:
    """The command of one run, None where what is told of it isn't enough."""
    data, recorded, start = (lesson.get(name) for name in ("data", "options", "start"))
    if not isinstance(data, str) or not isinstance(recorded, Mapping):
        return None
    try:
        if not isinstance(start, Mapping):
            return train(origins.shown(data), options.change(TrainOptions(), recorded))
        return finetuning.asked(_order(lesson, start["model"], recorded))
    except (ArgumentError, KeyError, TypeError):
        return None


def _order(lesson: Mapping[str, Any], model: str, recorded: Mapping[str, Any]) -> Order:
    flags = {f.name for kind in (StartOptions, TrainOptions, AugmentOptions) for f in fields(kind)}
    asked = dict(lesson.get("order") or {})
    for name in ("weights", "old"):
        if asked.get(name) is not None:
            asked[name] = origins.shown(asked[name])
    if asked.get("weights") is not None:
        asked["weights"] = Path(asked["weights"])
    given = {name: value for name, value in recorded.items() if name in flags}
    return Order(model=origins.shown(model), data=origins.shown(lesson["data"]), **asked, given=given)


def _wrapped(arguments: Sequence[str]) -> str:
    """The command over as many lines as it needs, every flag with what belongs to it."""
    parts: list[str] = []
    for word in arguments:
        if parts and not word.startswith("--") and parts[-1].startswith("--"):
            parts[-1] += f" {shlex.quote(word)}"
        else:
            parts.append(shlex.quote(word))
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) > _WIDTH:
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}"
    return " \\\n".join(lines)
