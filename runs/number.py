"""The shipped reader of lines, `number`: drawn, trained, calibrated together with `reader`, exported.

python -m runs.number                all of it, about two hours on two cores
python -m runs.number --lines 5000 --epochs 1 --out /tmp/number.onnx     a quick try
"""

import argparse
import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from inkdigits import image
from inkdigits.data.drawn import lines
from inkdigits.data.drawn.lines import DrawnLine
from inkdigits.data.known import DIGITS
from inkdigits.errors import UserError
from inkdigits.evaluate import calibration
from inkdigits.learn.checkpoint import Model
from inkdigits.read import engine, looks, numbers
from inkdigits.read.engine import Engine
from inkdigits.read.looks import Read
from inkdigits.read.numbers import Reader
from inkdigits.read.seen import Seen
from inkdigits.types import Box, Gray, Lines
from runs import drawing, shipping, sources, training
from runs.sources import Sources

CHUNK = 250
REAL = {"training": 0.2, "validation": 0.7}
"""The share of real lines. Confidence is judged on real ones mostly."""

RUNS = 0.7
"""The share of real lines of which only some neighbouring digits are shown: whole, they repeat patterns."""

WORDS = 0.02
"""The share of lines that say nothing: letters, scribbles."""

SHOWN = 0.96
"""The share of a drawn line's length that its strip has to show."""

N_TEMPERED = 400
"""Held-out lines that the temperature is found on."""

LONGEST = 480
"""Columns of a strip to learn from, at most."""

RECIPE = {
    "model": "number",
    "epochs": 5.0,
    "batch": 64,
    "validation": 0.0,
    "label_smoothing": 0.0,
    "scale": 0.03,
    "shear": 0.15,
    "shift": 1.5,
    "elastic": 1.5,
    "stroke": 0.4,
    "noise": 0.04,
}
_made: dict[str, Sources] = {}


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the weights."""
    asked = _parser().parse_args(arguments)
    training = drawn("training", asked.lines)
    held = drawn("validation", max(CHUNK, asked.lines // 15))
    _finish(trained(training, asked.epochs), held, asked.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make the weights of the reader of lines.")
    parser.add_argument("--lines", type=int, default=200_000, help="lines to draw")
    parser.add_argument("--epochs", type=float, default=RECIPE["epochs"], help="passes over them")
    parser.add_argument("--out", type=Path, default=shipping.WEIGHTS / "number.onnx")
    return parser


def drawn(purpose: str, n: int) -> Lines:
    """Strips of drawn lines and of real ones retaken."""
    parts = drawing.chunks(_chunk, purpose, max(1, n // CHUNK))
    made = [line for part in parts for line in part]
    return Lines(
        name="drawn lines",
        split=purpose,
        strips=tuple(ink for ink, _ in made),
        texts=tuple(text for _, text in made),
        label_names=DIGITS,
    )


def _chunk(purpose: str, number: int) -> list[tuple[Gray, str]]:
    cv2.setNumThreads(1)
    if purpose not in _made:
        _made[purpose] = sources.training() if purpose == "training" else sources.validation()
    random = np.random.default_rng([purpose == "training", number])
    return [_one(_made[purpose], random, REAL[purpose]) for _ in range(CHUNK)]


def _one(made: Sources, random: Generator, real: float) -> tuple[Gray, str]:
    """A strip and its text; one that came out blank, or too long or too short for its text, is drawn anew."""
    while True:
        line = _line(made, random, real)
        try:
            strip = image.strip(line.picture)
        except UserError:
            continue
        ink = strip.ink
        if line.columns is not None and not _shows(strip.box, *line.columns):
            continue
        repeated = sum(one == next_one for one, next_one in itertools.pairwise(line.text))
        if len(line.text) + repeated <= ink.shape[1] // image.COLUMNS and ink.shape[1] <= LONGEST:
            return ink, line.text


def _shows(box: Box, first: float, end: float) -> bool:
    """Whether the strip shows nearly all columns with digits: some of them may look like no line's to it."""
    shown = min(box.x + box.width, end) - max(box.x, first)
    return shown >= SHOWN * (end - first)


def _line(made: Sources, random: Generator, real: float) -> DrawnLine:
    kind = random.random()
    if kind < WORDS:
        return lines.draw(made.words, made.signs, random)
    if kind < WORDS + real:
        line = made.lines[int(random.integers(len(made.lines)))]
        if random.random() < RUNS:
            line = lines.run(line, random)
        return DrawnLine(picture=lines.retaken(line.picture, random), text=line.text)
    return lines.draw(made.hands, made.signs, random)


def trained(lines: Lines, epochs: float) -> Model:
    """The network after training, with what it was made from on its card."""
    return training.trained(lines, RECIPE | {"epochs": epochs}, DIGITS)


def _finish(made: Model, held: Lines, out: Path) -> None:
    """Calibrates the trained model on held-out lines, looked at as its users' will be, and writes it."""
    texts = [tuple(DIGITS.index(digit) for digit in text) for text in held.texts]
    some = held.strips[:N_TEMPERED]
    logits = [[_logits(made, each) for each in (ink, *looks.others(ink))] for ink in some]
    judge = engine.shipped("reader", threads=1)

    def nll(temperature: float) -> float:
        seen = [_seen(ink, each, temperature, judge) for ink, each in zip(some, logits, strict=True)]
        return -float(
            np.mean([_log_probability(each, text) for each, text in zip(seen, texts, strict=False)])
        )

    temperature = calibration.best_temperature(nll)
    model = Model(network=made.network, card=replace(made.card, temperature=temperature))
    shown = [image.side_by_side([ink], multiple=numbers.PADDED) for ink in some]
    content, accuracies = shipping.exported(
        model, shown, lambda tried: float(_reads(Reader(lines=tried), held.strips, texts)[1].mean())
    )
    reader = Reader(lines=engine.load(content, threads=1), digits=judge)
    read, right = _reads(reader, held.strips, texts)
    says_digits = np.array([len(each.labels) > 0 for each in read])
    confidences = np.array([each.confidence for each in read])
    figures = {"n": len(held), "mean_confidence": float(confidences.mean())}
    card = replace(
        model.card,
        thresholds=calibration.thresholds(confidences[says_digits], right[says_digits]),
        provenance={**made.card.provenance, "validation": figures | accuracies},
    )
    shipping.write(replace(model, card=card), content, out)


def _reads(
    reader: Reader, strips: Sequence[Gray], texts: Sequence[tuple[int, ...]]
) -> tuple[list[Read], NDArray[np.bool_]]:
    """What is read on each line, and whether that is right."""
    read = [numbers.look(reader, [ink])[0].read() for ink in strips]
    return read, np.array([each.labels == text for each, text in zip(read, texts, strict=False)])


def _logits(model: Model, strip: Gray) -> NDArray[np.float64]:
    """The logits of a strip's own frames: float64 (frames, classes + 1)."""
    model.network.eval()
    shown = image.side_by_side([strip], multiple=numbers.PADDED)
    with torch.inference_mode():
        found = model.network(torch.from_numpy(shown))[0].double().numpy()
    return np.asarray(found[: image.n_frames(strip.shape[1])])


def _seen(ink: Gray, logits: Sequence[NDArray[np.float64]], temperature: float, judge: Engine) -> Seen:
    """A line as its readers see it: at the first look alone, where that is sure enough."""
    cooled = [each / temperature for each in logits]
    scores = [each - np.logaddexp.reduce(each, axis=1, keepdims=True) for each in cooled]
    if looks.read(scores[:1]).confidence >= looks.SURE:
        return Seen(ink=ink, looks=scores[:1], label_names=DIGITS)
    return Seen(ink=ink, looks=scores, label_names=DIGITS, judge=judge)


def _log_probability(seen: Seen, text: tuple[int, ...]) -> float:
    """As a natural logarithm, and not less than that of 1e-9, which a mislabelled line would get."""
    return math.log(max(float(seen.probabilities([text])[0]), 1e-9))


if __name__ == "__main__":
    main()
