"""Where a training run stands: all that has to be kept for it to go on to the same bytes."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inkdigits import files
from inkdigits.errors import UserError
from inkdigits.learn import checkpoint, optimizers
from inkdigits.learn.history import Record
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.optimizers import Optimizer, Part
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.start import Plan

Weights = dict[str, Tensor]


@dataclass(kw_only=True)
class State:
    """A run between two steps.

    `average` is the mean of the last `n_averaged` steps' weights, empty before averaging begins;
    `best` are the weights of the epoch with the lowest validation loss, `best_loss`.
    `loss_sum`, `n_right` and `n_seen` count the training images since the last record of the history.
    """

    network: Network
    plan: Plan
    optimizers: list[Optimizer]
    step: int = 0
    average: Weights = field(default_factory=dict)
    n_averaged: int = 0
    best: Weights = field(default_factory=dict)
    best_loss: float = math.inf
    stale_epochs: int = 0
    loss_sum: float = 0.0
    n_right: int = 0
    n_seen: int = 0
    seconds: float = 0.0
    history: list[Record] = field(default_factory=list)

    def weights(self) -> Weights:
        """A copy of the weights to judge or keep now: the averaged ones once averaging has begun."""
        live = {name: t.detach().clone() for name, t in self.network.state_dict().items()}
        return live | {name: t.clone() for name, t in self.average.items()}


_NUMBERS = ("step", "n_averaged", "best_loss", "stale_epochs", "loss_sum", "n_right", "n_seen", "seconds")


def begin(network: Network, options: TrainOptions, plan: Plan | None = None) -> State:
    """The state before the first step; all weights move alike where no plan says otherwise."""
    plan = plan or Plan(parts=(Part(weights=list(network.parameters())),))
    return State(network=network, plan=plan, optimizers=optimizers.build(plan.parts, options))


def average(state: State) -> None:
    """Takes the weights of the step just made into the running mean."""
    live = {name: t for name, t in state.network.state_dict().items() if t.is_floating_point()}
    state.n_averaged += 1
    if not state.average:
        state.average = {name: t.detach().clone() for name, t in live.items()}
        return
    means = list(state.average.values())
    torch._foreach_lerp_(means, [live[name] for name in state.average], 1 / state.n_averaged)


def save(path: Path, state: State, about: Mapping[str, Any]) -> None:
    """Writes the state, atomically; `about` says which run it is (see `restore`)."""
    tensors = {f"network/{name}": t for name, t in state.network.state_dict().items()}
    tensors |= {f"average/{name}": t for name, t in state.average.items()}
    tensors |= {f"best/{name}": t for name, t in state.best.items()}
    tensors |= _kept_by_optimizers(state)
    numbers = {name: getattr(state, name) for name in _NUMBERS}
    numbers["best_loss"] = None if math.isinf(state.best_loss) else state.best_loss
    described = {
        "about": about,
        "numbers": numbers,
        "history": [asdict(record) for record in state.history],
        "optimizer_steps": [optimizer.n_steps for optimizer in state.optimizers],
    }
    files.write(path, checkpoint.pack(tensors, described))


def restore(path: Path, state: State, about: Mapping[str, Any]) -> None:
    """Brings a fresh state to where the saved one stood.

    Raises UserError where the file is torn, or belongs to a run with other options or data than `about`.
    """
    tensors, described = checkpoint.unpack(path)
    kinds = {"about": dict, "numbers": dict, "history": list, "optimizer_steps": list}
    if not all(isinstance(described.get(name), kind) for name, kind in kinds.items()):
        raise UserError(f"{path} is not a training state; name the run directory that `train --out` made")
    check_same_run(path, described["about"], about)
    try:
        with torch.no_grad():
            _restore_tensors(tensors, state)
        _restore_numbers(described, state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{path} does not hold a state of this network and optimizer") from error


def check_same_run(path: Path, saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raises UserError, naming the first difference, where `path` belongs to another run than this one."""
    for name in sorted({*saved, *now}):
        if saved.get(name) != now.get(name):
            raise UserError(
                f"cannot resume {path}: {name} was {saved.get(name)!r} then and is {now.get(name)!r} now"
            )


def _kept_by_optimizers(state: State) -> Weights:
    return {
        f"optimizer/{i}/{kind}/{j}": tensor
        for i, optimizer in enumerate(state.optimizers)
        for kind, kept in optimizer.state.items()
        for j, tensor in enumerate(kept)
    }


def _restore_tensors(tensors: Mapping[str, Tensor], state: State) -> None:
    state.network.load_state_dict(_part(tensors, "network"))
    kept = _kept_by_optimizers(state)
    if kept.keys() != {name for name in tensors if name.startswith("optimizer/")}:
        raise ValueError("another optimizer's state")
    for name, tensor in kept.items():
        tensor.copy_(tensors[name])
    state.average = _laid_out_as(state.network, _part(tensors, "average"))
    state.best = _laid_out_as(state.network, _part(tensors, "best"))


def _laid_out_as(network: Network, weights: Weights) -> Weights:
    """The weights on the network's device and in its memory layout, so that sums are rounded alike."""
    live = network.state_dict()
    return {name: torch.empty_like(live[name]).copy_(t) for name, t in weights.items()}


def _restore_numbers(described: Mapping[str, Any], state: State) -> None:
    for optimizer, n_steps in zip(state.optimizers, described["optimizer_steps"], strict=True):
        optimizer.n_steps = int(n_steps)
    for name in _NUMBERS:
        number = described["numbers"][name]
        setattr(state, name, math.inf if number is None else type(getattr(state, name))(number))
    state.history = [Record(**record) for record in described["history"]]


def _part(tensors: Mapping[str, Tensor], name: str) -> Weights:
    prefix = f"{name}/"
    return {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
