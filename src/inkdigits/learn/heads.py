"""A model made ready for other labels: the rows of its head are kept where labels agree."""

from collections.abc import Sequence

import torch

from inkdigits.errors import ArgumentError
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.networks import registry, stages
from inkdigits.learn.networks.registry import Network
from inkdigits.learn.options import NetworkOptions

LABELS = ("same", "extend", "replace")
"""Which labels a model has after it learnt others: its own, those and the new ones, or the new ones alone."""


def label_names(known: Sequence[str], wanted: Sequence[str], how: str) -> tuple[str, ...]:
    """The labels of a model that knows some and shall learn others, `how` being one of `LABELS`.

    Raises ArgumentError where the model is to keep its own, and lacks one.
    """
    missing = [name for name in wanted if name not in known]
    if how == "replace":
        return tuple(wanted)
    if missing and how == "same":
        raise ArgumentError(
            f"the data has the label {missing[0]!r}, but the model knows {', '.join(known)}:"
            " --labels extend adds what it lacks, --labels replace takes the data's alone"
        )
    return (*known, *missing)


def fitted(model: Model, names: Sequence[str], *, seed: int) -> Network:
    """The model's network for those labels, in their order; new rows of the head are decided by `seed`."""
    known = model.card.label_names
    made = registry.build(NetworkOptions(**model.card.network), len(names), seed=seed)
    head = {f"layers.{name}" for name in stages.stages(model.network)[-1].weights}
    rows = [row for row, name in enumerate(names) if name in known]
    kept = [known.index(names[row]) for row in rows]
    old, new = model.network.state_dict(), made.state_dict()
    with torch.no_grad():
        for name, tensor in new.items():
            if name in head:
                tensor[rows] = old[name][kept]
            else:
                tensor.copy_(old[name])
    return made.eval()
