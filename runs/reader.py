"""The shipped classifier of digits, `reader`: drawn, trained, calibrated, exported.

python -m runs.reader                all of it, about half an hour on two cores
python -m runs.reader --images 20000 --epochs 1 --out /tmp/reader.onnx     a quick try
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from inkdigits import image, stats
from inkdigits.card import NONE, Card
from inkdigits.data.drawn import photos
from inkdigits.data.known import DIGITS
from inkdigits.errors import UserError
from inkdigits.learn import options, run, train
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.classifier import classifier
from inkdigits.learn.train import Watch
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import Box, Dataset, Gray, Images, Labels, Scores
from runs import calibration, drawing, sources
from runs.sources import Sources

LABELS = (*DIGITS, NONE)
CHUNK = 500
COVERED, MISSED, MOST_TIMES = 0.75, 0.15, 4.0
"""A drawn digit is learnt where the ink that was found covers so much of it, and isn't so many times as
large; where it covers so little, what was found is learnt as none."""

INKED, NARROW, TALL = 64, 8, 17
"""Grey from which on a pixel is ink, and the pixels across and down of an upright stroke."""

SHOWN = 3_000
"""Held-out images that the scales of whole numbers are found on."""

MIXTURE = {"training": (0.25, 0.55), "validation": (0.7, 0.1)}
"""Shares of real crops and of drawn digits; the rest is none. Confidence is judged on real ones mostly."""

RECIPE = {
    "model": "fast",
    "epochs": 8.0,
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
    _finish(_trained(_with_mnist(training), asked.epochs), held, asked.out)


def _finish(made: Model, held: Dataset, out: Path) -> None:
    """Calibrates the trained model on held-out images and writes it."""
    temperature = calibration.best_temperature(lambda tried: _nll(made, held, tried))
    model = Model(network=made.network, card=replace(made.card, temperature=temperature))
    shown = np.array_split(held.images[:SHOWN], SHOWN // CHUNK)
    content, accuracies = calibration.exported(model, shown, lambda engine: _accuracy(engine, held))
    scores = engine.load(content, threads=1).classify(held.images)
    card = replace(
        model.card,
        thresholds=_thresholds(scores, held),
        provenance={**made.card.provenance, "validation": _figures(scores, held) | accuracies},
    )
    calibration.write(replace(model, card=card), content, out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make the weights of the digit classifier.")
    parser.add_argument("--images", type=int, default=280_000, help="digit images to draw")
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
    made = [_one(_made[purpose], random, purpose) for _ in range(CHUNK)]
    return np.stack([each for each, _ in made]), np.array(
        [LABELS.index(label) for _, label in made], np.int64
    )


def _one(made: Sources, random: Generator, purpose: str) -> tuple[Gray, str]:
    """One digit image and its label; what comes out blank is drawn anew, as is what nobody could learn."""
    while True:
        try:
            image_and_label = _tried(made, random, *MIXTURE[purpose], is_to_learn=purpose == "training")
        except UserError:
            continue
        if image_and_label is not None and not (purpose == "training" and _is_misleading(*image_and_label)):
            return image_and_label


def _tried(
    made: Sources, random: Generator, real: float, drawn: float, *, is_to_learn: bool
) -> tuple[Gray, str] | None:
    kind = random.random()
    if kind < real:
        crop = made.crops[int(random.integers(len(made.crops)))]
        return image.digit(crop.picture), crop.label
    if kind >= real + drawn:
        glyph = made.scraps(random, int(random.uniform(48, 112)))
        photo = photos.photo(glyph, random)
        found, box = image.find_digit(photo.picture)
        return (found, glyph.label) if _covered(box, photo.box) >= COVERED else None
    glyph = made.digits(random, int(random.uniform(48, 112)))
    photo = photos.photo(glyph, random, neighbours=made.digits)
    found, box = image.find_digit(photo.picture)
    label = _visible(box, photo.box, glyph.label) if is_to_learn else glyph.label
    return None if label is None else (found, label)


def _is_misleading(digit_image: Gray, label: str) -> bool:
    """Whether it is a single upright stroke that shall be none: as far as anyone can tell, it is a one."""
    inked = (digit_image >= INKED).astype(np.uint8)
    n_parts, _, boxes, _ = cv2.connectedComponentsWithStats(inked, connectivity=8)
    width, height = boxes[1:, cv2.CC_STAT_WIDTH], boxes[1:, cv2.CC_STAT_HEIGHT]
    return label == NONE and n_parts == 2 and width[0] <= NARROW and height[0] >= TALL


def _visible(found: Box, true: Box, label: str) -> str | None:
    """What the ink that was found shows: the digit, or none of it; None where that is unclear."""
    covered = _covered(found, true)
    is_large = found.width * found.height > MOST_TIMES * true.width * true.height
    if covered >= COVERED and not is_large:
        return label
    return NONE if covered <= MISSED else None


def _covered(found: Box, true: Box) -> float:
    """The share of the true box that the found one covers: of two digits, one that was found covers half."""
    across = min(found.x + found.width, true.x + true.width) - max(found.x, true.x)
    down = min(found.y + found.height, true.y + true.height) - max(found.y, true.y)
    return max(0, across) * max(0, down) / (true.width * true.height)


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


if __name__ == "__main__":
    main()
