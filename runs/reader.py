"""The shipped classifier of digits, `reader` and `reader-large`: drawn, trained, calibrated, exported.

python -m runs.reader                all of it, an hour and a half on two cores
python -m runs.reader --images 20000 --epochs 1 --out /tmp/reader.onnx     a quick try
"""

import argparse
import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inkdigits import files, image, stats, weights
from inkdigits.card import NONE, Card
from inkdigits.data import split
from inkdigits.data.drawn import photos
from inkdigits.data.known import DIGITS
from inkdigits.errors import UserError
from inkdigits.learn import directory, options, train
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.classifier import classifier
from inkdigits.learn.train import Watch
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import SIDE, Box, Dataset, Gray, Scores, together
from runs import calibration, drawing, sources
from runs.sources import Crop, Sources

LABELS = (*DIGITS, NONE)
CHUNK = 500
COVERED, MISSED, MOST_TIMES = 0.75, 0.15, 4.0
"""A drawn digit is learnt where the ink that was found covers so much of it, and isn't so many times as
large; where it covers so little, what was found is learnt as none."""

INKED, NARROW, TALL, STEEP = 64, 8, 17, 0.8
"""Grey from which on a pixel is ink; pixels across a single stroke and down a high one; a steep one's width
as a share of its height."""

KEPT, KEPT_NONE, KEPT_MNIST = 255, 1_450, 650
"""Images kept beside the models: of each digit and of none to train on, and of MNIST's digits to judge by.

Where half of a batch is new digits and half is these, a fifth of it is none, as it was in training.
"""

SHOWN = 3_000
"""Held-out images that the scales of whole numbers are found on."""

MIXTURE = {"training": (0.25, 0.55), "validation": (0.7, 0.1)}
"""Shares of real crops and of drawn digits; the rest is none. Confidence is judged on real ones mostly."""

RECIPE: Mapping[str, Any] = {
    "model": "strong",
    "epochs": 12.0,
    "batch": 128,
    "validation": 0.0,
    "rotation": 8.0,
    "scale": 0.1,
    "shear": 0.15,
    "shift": 1.0,
    "elastic": 0.6,
    "stroke": 0.4,
}
LARGE: Mapping[str, Any] = {**RECIPE, "model": "best", "epochs": 9.0}
"""The model that is asked where the other is unsure."""

_made: dict[str, Sources] = {}


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the weights."""
    asked = _parser().parse_args(arguments)
    training = together([_drawn("training", asked.images), sources.mnist()[0]])
    held = _drawn("validation", max(CHUNK, asked.images // 20))
    small, large = (_trained(training, recipe, asked.epochs) for recipe in (RECIPE, LARGE))
    _finish(small, large, held, asked.out)
    _keep(training, held, asked.out.with_name(weights.OLD))


def _finish(small: Model, large: Model, held: Dataset, out: Path) -> None:
    """Calibrates both trained models on held-out images, and writes them; thresholds are of both together."""
    large, second = _exported(large, held)
    alone = engine.load(second, threads=1)
    small, first = _exported(small, held, second=alone)
    both = engine.second_asked(engine.load(first, threads=1), alone)
    _write(large, second, alone, held, out.with_stem(f"{out.stem}-large"))
    _write(small, first, both, held, out)


def _keep(training: Dataset, held: Dataset, out: Path) -> None:
    """A sample that goes with the models: to be shown again, and judged by, when they are fine-tuned."""
    digits, none = (training.select(np.flatnonzero(rows), split="train") for rows in _kinds(training))
    few = together([split.few(digits, KEPT, seed=0), split.few(none, KEPT_NONE, seed=0)])
    mnist = split.few(sources.mnist()[1], KEPT_MNIST, seed=0).relabelled(LABELS)
    held = together([held, mnist])
    content = io.BytesIO()
    names = np.array(LABELS)
    np.savez_compressed(
        content,
        x_train=few.images,
        y_train=names[few.labels],
        x_test=held.images,
        y_test=names[held.labels],
    )
    files.write(out, content.getvalue())


def _kinds(dataset: Dataset) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which images show a digit, and which none."""
    is_digit = dataset.labels < len(DIGITS)
    return is_digit, ~is_digit


def _write(model: Model, content: bytes, asked: Engine, held: Dataset, out: Path) -> None:
    scores = asked.classify(held.images)
    figures = model.card.provenance["validation"] | _figures(scores, held)
    provenance = {**model.card.provenance, "validation": figures}
    card = replace(model.card, thresholds=_thresholds(scores, held), provenance=provenance)
    calibration.write(replace(model, card=card), content, out)


def _exported(made: Model, held: Dataset, *, second: Engine | None = None) -> tuple[Model, bytes]:
    """The model with its temperature, and its ONNX file, chosen by what both read together."""

    def accuracy(first: Engine) -> float:
        return _accuracy(first if second is None else engine.second_asked(first, second), held)

    temperature = calibration.best_temperature(lambda tried: _nll(made, held, tried))
    model = Model(network=made.network, card=replace(made.card, temperature=temperature))
    shown = np.array_split(held.images[:SHOWN], SHOWN // CHUNK)
    content, accuracies = calibration.exported(model, shown, accuracy)
    card = replace(model.card, provenance={**model.card.provenance, "validation": accuracies})
    return replace(model, card=card), content


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make the weights of the digit classifier.")
    parser.add_argument("--images", type=int, default=400_000, help="digit images to draw")
    parser.add_argument("--epochs", type=float, help="passes over them")
    parser.add_argument("--out", type=Path, default=calibration.WEIGHTS / "reader.onnx")
    return parser


def _drawn(purpose: str, n: int) -> Dataset:
    """Digit images of real crops, drawn photos of digits, and drawn photos of what is none.

    Of validation's, as many as there are real crops for.
    """
    parts = [part for part in drawing.chunks(_chunk, purpose, max(1, n // CHUNK)) if len(part)]
    return together(parts)


def _chunk(purpose: str, number: int) -> Dataset:
    random = np.random.default_rng([purpose == "training", number])
    draw = _to_learn if purpose == "training" else _to_judge
    return _dataset(draw(_sources(purpose), random, number), purpose)


def _sources(purpose: str) -> Sources:
    """Read once in each process."""
    cv2.setNumThreads(1)
    if purpose not in _made:
        _made[purpose] = sources.training() if purpose == "training" else sources.validation()
    return _made[purpose]


def _dataset(made: list[tuple[Gray, str]], purpose: str) -> Dataset:
    return Dataset(
        name="drawn digits",
        split=purpose,
        images=np.array([each for each, _ in made], np.uint8).reshape(-1, SIDE, SIDE),
        labels=np.array([LABELS.index(label) for _, label in made], np.int64),
        label_names=LABELS,
    )


def _to_learn(made: Sources, random: Generator, _number: int) -> list[tuple[Gray, str]]:
    """Real crops, the same ones again and again, drawn digits and what is none."""
    real, drawn = MIXTURE["training"]
    found: list[tuple[Gray, str]] = []
    while len(found) < CHUNK:
        kind = random.random()
        with contextlib.suppress(UserError):  # a blank one is drawn anew
            if kind < real:
                found += _real(made.crops[int(random.integers(len(made.crops)))])
            else:
                found += _digit(made, random) if kind < real + drawn else _none(made, random)
    return found


def _to_judge(made: Sources, random: Generator, number: int) -> list[tuple[Gray, str]]:
    """The next of the real crops, so that none is there twice, and a share of drawn digits and of none."""
    real, drawn = MIXTURE["validation"]
    shuffled = np.random.default_rng(0).permutation(len(made.crops))
    chosen = shuffled[number * CHUNK : (number + 1) * CHUNK].tolist()
    found: list[tuple[Gray, str]] = []
    for at in chosen:
        with contextlib.suppress(UserError):
            found += _real(made.crops[at])
    wanted = len(found) / real
    while len(found) < wanted:
        with contextlib.suppress(UserError):
            found += _digit(made, random) if random.random() < drawn / (1 - real) else _none(made, random)
    return found


def _real(crop: Crop) -> list[tuple[Gray, str]]:
    return _unless_misleading(image.digit(crop.picture), crop.label)


def _digit(made: Sources, random: Generator) -> list[tuple[Gray, str]]:
    """A drawn digit, where it is clear what of it was found."""
    glyph = made.digits(random, int(random.uniform(48, 112)))
    photo = photos.photo(glyph, random, neighbours=made.digits)
    found, box = image.find_digit(photo.picture)
    label = _visible(box, photo.box, glyph.label)
    return [] if label is None else _unless_misleading(found, label)


def _none(made: Sources, random: Generator) -> list[tuple[Gray, str]]:
    """What is drawn and no digit, where all of it was found."""
    glyph = made.scraps(random, int(random.uniform(48, 112)))
    photo = photos.photo(glyph, random)
    found, box = image.find_digit(photo.picture)
    return _unless_misleading(found, glyph.label) if _covered(box, photo.box) >= COVERED else []


def _unless_misleading(digit_image: Gray, label: str) -> list[tuple[Gray, str]]:
    """The image and its label, unless nobody could tell that it is none."""
    return [] if _is_misleading(digit_image, label) else [(digit_image, label)]


def _is_misleading(digit_image: Gray, label: str) -> bool:
    """Whether it is a single steep stroke that shall be none: as far as anyone can tell, it is a one."""
    inked = (digit_image >= INKED).astype(np.uint8)
    n_parts, _, boxes, _ = cv2.connectedComponentsWithStats(inked, connectivity=8)
    if label != NONE or n_parts != 2:
        return False
    width, height = boxes[1, cv2.CC_STAT_WIDTH], boxes[1, cv2.CC_STAT_HEIGHT]
    if height < TALL or width > STEEP * height:
        return False
    _, sides, _ = cv2.minAreaRect(np.argwhere(inked).astype(np.float32))
    return min(sides) < NARROW


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


def _trained(training: Dataset, recipe: Mapping[str, Any], epochs: float | None) -> Model:
    asked = options.change(options.TrainOptions(), recipe)
    if epochs is not None:
        asked = options.change(asked, {"epochs": epochs})
    trained = train.train(training, None, asked, watch=Watch(after_step=_say))
    provenance = {
        "data": training.name,
        "options": options.flat(asked),
        "n_training": len(training),
        "n_steps": trained.n_steps,
        "versions": directory.versions(),
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
