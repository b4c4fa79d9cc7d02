"""How to fine-tune on so many images."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from inkdigits.learn import options, train
from inkdigits.learn.options import StartOptions, TrainOptions

ENOUGH = 500
"""New images from which on a tenth is kept to choose the weights by."""

BENT: Mapping[str, float] = {
    "rotation": 8.0,
    "scale": 0.1,
    "shear": 0.15,
    "shift": 1.0,
    "elastic": 0.6,
    "stroke": 0.4,
}
"""How far images are changed where a thousand are learnt, and where the models that ship are trained."""

_FREE: Mapping[str, Any] = {"unfreezing": 0.1, "stage_rate": 0.9, "replay": 0.0, "keep_norms": False}


def gentle(n: int, *, labels: str, given: Mapping[str, Any]) -> tuple[TrainOptions, StartOptions]:
    """How to learn from n new images; what is given counts.

    The fewer, the fewer the steps and the farther each is changed. Where the model's labels go on to be
    known, rates are half of those from nothing, old images make up half of each batch, and batch norms
    stay as they are, since few images, unlike the old ones, would mislead them; where labels are replaced,
    all of the network is free to move.
    """
    keeps = labels != "replace"
    has_enough = n >= ENOUGH
    settled: dict[str, Any] = {
        "epochs": 0.001,
        "least_steps": round((150 if keeps else 400) * (n / 100) ** (1 / 3)),
        "batch": 64,
        "learning_rate": 0.06 if keeps else 0.12,
        "vector_rate": 0.02 if keeps else 0.05,
        "norm_images": 2_000,
        "validation": 0.1 if has_enough else 0.0,
        "keep": "best" if has_enough else "last",
        **{name: amount * _farther(n) for name, amount in BENT.items()},
    }
    if has_enough:
        n_looks = settled["least_steps"] / max(1, 0.9 * n // settled["batch"])
        settled["patience"] = max(2, round(min(train.LEAST_RECORDS, n_looks) / 3))
    start = {} if keeps else dict(_FREE)
    of_start = {f.name for f in fields(StartOptions)}
    if "epochs" in given:
        settled["least_steps"] = 0
    if given.get("validation") == 0:
        settled |= {"patience": 0, "keep": "last"}
    chosen = settled | {name: value for name, value in given.items() if name not in of_start}
    start |= {name: value for name, value in given.items() if name in of_start}
    return options.change(TrainOptions(), chosen), StartOptions(**start)


def _farther(n: int) -> float:
    """Factor on how far each image is changed: 1.5 of ten images, 1 of a thousand, 0.75 of ten thousand."""
    return float(np.clip(1.5 - 0.25 * math.log10(n / 10), 0.75, 1.5))
