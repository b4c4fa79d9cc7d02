"""The shipped classifier of digits, `reader`: drawn, trained, calibrated, exported.

python -m runs.reader                all of it, about half an hour on two cores
python -m runs.reader --images 20000 --epochs 1 --out /tmp/reader.onnx     a quick try
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from inkdigits import image
from inkdigits.card import NONE, Card
from inkdigits.data.drawn import photos
from inkdigits.data.known import DIGITS
from inkdigits.errors import UserError
from inkdigits.learn import options, run, train
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.classifier import classifier
from inkdigits.learn.train import Watch
from inkdigits.types import Dataset, Gray, Images, Labels
from runs import calibration, drawing, sources
from runs.sources import Sources

LABELS = (*DIGITS, NONE)
CHUNK = 500
MIXTURE = {"training": (0.2, 0.6), "validation": (0.7, 0.1)}
"""Shares of real crops and of drawn digits; the rest is none. Confidence is judged on real ones mostly."""

RECIPE = {
    "model": "fast",
    "epochs": 6.0,
    "validation": 0.0,
    "rotation": 8.0,
    "scale": 0.1,
    "shear": 0.15,
    "shift": 1.0,
    "elastic": 0.6,
    "stroke": 0.4,
}
_made: dict[str, Sources] = {}


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the weights."""
    asked = _parser().parse_args(arguments)
    training = _drawn("training", asked.images)
    held = _drawn("validation", max(CHUNK, asked.images // 20))
    made = _trained(_with_mnist(training), asked.epochs)
    temperature = calibration.best_temperature(lambda tried: _nll(made, held, tried))
    card = Card(
        network=made.card.network,
        label_names=LABELS,
        temperature=temperature,
        thresholds=_thresholds(made, held, temperature),
        provenance={**made.card.provenance, "validation": _figures(made, held, temperature)},
    )
    calibration.write(Model(network=made.network, card=card), asked.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make the weights of the digit classifier.")
    parser.add_argument("--images", type=int, default=600_000, help="digit images to draw")
    parser.add_argument("--epochs", type=float, default=RECIPE["epochs"], help="passes over them")
    parser.add_argument("--out", type=Path, default=calibration.WEIGHTS / "reader.onnx")
    return parser


def _drawn(purpose: str, n: int) -> Dataset:
    """Digit images of real crops, drawn photos of digits, and drawn photos of what is none."""
    parts = drawing.chunks(_chunk, purpose, max(1, n // CHUNK))
    return Dataset(
        name="drawn digits",
        split=purpose,
        images=np.concatenate([images for images, _ in parts]),
        labels=np.concatenate([labels for _, labels in parts]),
        label_names=LABELS,
    )


def _chunk(purpose: str, number: int) -> tuple[Images, Labels]:
    cv2.setNumThreads(1)
    if purpose not in _made:
        _made[purpose] = sources.training() if purpose == "training" else sources.validation()
    random = np.random.default_rng([purpose == "training", number])
    made = [_one(_made[purpose], random, *MIXTURE[purpose]) for _ in range(CHUNK)]
    return np.stack([each for each, _ in made]), np.array(
        [LABELS.index(label) for _, label in made], np.int64
    )


def _one(made: Sources, random: Generator, real: float, drawn: float) -> tuple[Gray, str]:
    """One digit image and its label; what comes out blank is drawn anew."""
    while True:
        kind = random.random()
        if kind < real:
            crop = made.crops[int(random.integers(len(made.crops)))]
            picture, label = crop.picture, crop.label
        elif kind < real + drawn:
            glyph = made.digits(random, int(random.uniform(48, 112)))
            picture, label = photos.photo(glyph, random, neighbours=made.digits), glyph.label
        else:
            glyph = made.scraps(random, int(random.uniform(48, 112)))
            picture, label = photos.photo(glyph, random), glyph.label
        try:
            return image.digit(picture), label
        except UserError:
            continue


def _with_mnist(drawn: Dataset) -> Dataset:
    """Beside them, MNIST as it is, by the writers to train on: tidy images should be read as well."""
    mnist = sources.mnist()[0]
    return Dataset(
        name="drawn digits and mnist",
        split="train",
        images=np.concatenate([drawn.images, mnist.images]),
        labels=np.concatenate([drawn.labels, mnist.labels]),
        label_names=LABELS,
    )


def _trained(training: Dataset, epochs: float) -> Model:
    asked = options.change(options.TrainOptions(), RECIPE | {"epochs": epochs})
    trained = train.train(training, None, asked, watch=Watch(after_step=_say))
    provenance = {
        "data": training.name,
        "options": options.flat(asked),
        "n_training": len(training),
        "n_steps": trained.n_steps,
        "versions": run.versions(),
    }
    card = Card(network=asdict(asked.network), label_names=LABELS, provenance=provenance)
    return Model(network=trained.network, card=card)


def _say(step: int, n_steps: int, loss: float) -> None:
    if step % 200 == 0:
        print(f"step {step} of {n_steps}: loss {loss:.3f}", flush=True)


def _nll(model: Model, held: Dataset, temperature: float) -> float:
    scores = classifier(model.network, temperature=temperature)(held.images)
    return float(-np.log(np.maximum(scores[np.arange(len(held)), held.labels], 1e-12)).mean())


def _thresholds(model: Model, held: Dataset, temperature: float) -> dict[str, float]:
    scores = classifier(model.network, temperature=temperature)(held.images)
    is_read = scores.argmax(axis=1) < len(DIGITS)
    right = scores.argmax(axis=1) == held.labels
    return calibration.thresholds(scores.max(axis=1)[is_read], right[is_read])


def _figures(model: Model, held: Dataset, temperature: float) -> dict[str, float]:
    scores = classifier(model.network, temperature=temperature)(held.images)
    right = scores.argmax(axis=1) == held.labels
    is_digit = held.labels < len(DIGITS)
    return {
        "n": len(held),
        "accuracy": float(right.mean()),
        "accuracy_digits": float(right[is_digit].mean()),
        "none_found": float(right[~is_digit].mean()),
        "nll": _nll(model, held, temperature),
        "temperature": temperature,
    }


if __name__ == "__main__":
    main()
