"""Training, calibrating and exporting a shipped classifier of digits, the same way for all of them."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from inkdigits import stats
from inkdigits.data.known import DIGITS
from inkdigits.evaluate import calibration
from inkdigits.learn import recipes
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.classifier import classifier
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import Dataset, Scores
from runs import digits, shipping, training

SHOWN = 3_000
"""Held-out images that the scales of whole numbers are found on."""

RECIPE: Mapping[str, Any] = {"batch": 128, "validation": 0.0, **recipes.BENT}
"""What all of them share."""


def parser(description: str, out: str) -> argparse.ArgumentParser:
    """The arguments of the scripts: how many images to draw, passes over them, where to write."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--images", type=int, default=digits.N, help="digit images to draw")
    made.add_argument("--epochs", type=float, help="passes over them")
    made.add_argument("--out", type=Path, default=shipping.WEIGHTS / out)
    return made


def finish(made: Model, held: Dataset, out: Path, *, second: Engine | None = None) -> None:
    """Calibrates a trained model on held-out images, and writes it.

    With a second one that it asks where it is unsure, all figures but the temperature are of both together.
    """

    def asked(first: Engine) -> Engine:
        return first if second is None else engine.second_asked(first, second)

    temperature = calibration.temperature(classifier(made.network)(held.images), held.labels)
    model = Model(network=made.network, card=replace(made.card, temperature=temperature))
    shown = np.array_split(held.images[:SHOWN], SHOWN // digits.CHUNK)
    content, accuracies = shipping.exported(model, shown, lambda each: _accuracy(asked(each), held))
    scores = asked(engine.load(content, threads=1)).classify(held.images)
    provenance = {**model.card.provenance, "validation": accuracies | _figures(scores, held)}
    card = replace(model.card, thresholds=_thresholds(scores, held), provenance=provenance)
    shipping.write(replace(model, card=card), content, out)


def trained(images: Dataset, recipe: Mapping[str, Any], epochs: float | None) -> Model:
    """The model that a recipe gives, in so many epochs where they are given."""
    given = {} if epochs is None else {"epochs": epochs}
    return training.trained(images, {**RECIPE, **recipe, **given}, digits.LABELS)


def _accuracy(engine: Engine, held: Dataset) -> float:
    return float((engine.classify(held.images).argmax(axis=1) == held.labels).mean())


def _thresholds(scores: Scores, held: Dataset) -> dict[str, float]:
    is_read = scores.argmax(axis=1) < len(DIGITS)
    right = scores.argmax(axis=1) == held.labels
    return calibration.thresholds(scores.max(axis=1)[is_read], right[is_read])


def _figures(scores: Scores, held: Dataset) -> dict[str, float]:
    right = scores.argmax(axis=1) == held.labels
    is_digit = held.labels < len(DIGITS)
    return {
        "n": len(held),
        "accuracy_digits": float(right[is_digit].mean()),
        "none_found": float(right[~is_digit].mean()),
        "nll": stats.negative_log_likelihood(scores, held.labels),
    }
