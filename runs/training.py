"""Training what ships: the one loop, with what a model was made from on its card."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from inkdigits.card import Card
from inkdigits.learn import directory, options, train
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.train import Watch
from inkdigits.types import Dataset, Lines


def trained(training: Dataset | Lines, recipe: Mapping[str, Any], label_names: Sequence[str]) -> Model:
    """The model that a recipe gives on those images or lines."""
    asked = options.change(options.TrainOptions(), recipe)
    found = train.train(training, None, asked, watch=Watch(after_step=_say))
    provenance = {
        "data": training.name,
        "options": options.flat(asked),
        "n_training": len(training),
        "n_steps": found.n_steps,
        "versions": directory.versions(),
    }
    card = Card(network=asdict(asked.network), label_names=tuple(label_names), provenance=provenance)
    return Model(network=found.network, card=card)


def _say(step: int, n_steps: int, loss: float) -> None:
    if step % 200 == 0:
        print(f"step {step} of {n_steps}: loss {loss:.3f}", flush=True)
