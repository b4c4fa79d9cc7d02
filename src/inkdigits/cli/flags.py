"""Flags made from dataclasses of options, and flags as a command line has them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from cyclopts import Parameter, Token

from inkdigits.learn import options as learning


def _whole(_kind: type, tokens: Sequence[Token]) -> int:
    """A whole number, where Cyclopts would round a broken one."""
    try:
        return int(tokens[0].value)
    except ValueError as error:
        raise ValueError(f"{tokens[0].value!r} is no whole number") from error


Whole = Annotated[int, Parameter(converter=_whole)]


def _made(name: str, *kinds: type) -> Any:
    """A dataclass of all those options, each None until the command line gives it."""
    members: list[tuple[str, Any, Any]] = []
    for option in (f for kind in kinds for f in dataclasses.fields(kind) if "help" in f.metadata):
        words = learning.CHOICES.get(option.name)
        kind = Literal[words] if words else type(option.default)
        kind = Whole if kind is int else kind
        members.append((option.name, kind | None, dataclasses.field(default=None, metadata=option.metadata)))
    made = dataclasses.make_dataclass(name, members, frozen=True, kw_only=True)
    made.__module__ = __name__
    return made


Training: Any = _made("Training", learning.NetworkOptions, learning.TrainOptions, learning.AugmentOptions)
"""The options of a training from scratch."""

Finetuning: Any = _made("Finetuning", learning.StartOptions, learning.TrainOptions, learning.AugmentOptions)
"""The options of one that goes on with a model."""


def given(flags: Any) -> dict[str, Any]:
    """What the command line gave, by name."""
    return {name: value for name, value in dataclasses.asdict(flags).items() if value is not None}


def words(values: Mapping[str, Any]) -> list[str]:
    """Options as a command line has them, those that are None left out."""
    found = []
    for name, value in values.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            found.append(f"--{flag}" if value else f"--no-{flag}")
        elif value is not None:
            found += [f"--{flag}", str(value)]
    return found
