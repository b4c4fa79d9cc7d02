"""The shipped reader of lines, `number`: drawn, trained, calibrated, exported.

python -m runs.number                all of it, about two hours on two cores
python -m runs.number --lines 5000 --epochs 1 --out /tmp/number.onnx     a quick try
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from inkdigits import image
from inkdigits.card import Card
from inkdigits.data.drawn import lines
from inkdigits.data.drawn.lines import DrawnLine
from inkdigits.data.known import DIGITS
from inkdigits.errors import UserError
from inkdigits.learn import options, run, train
from inkdigits.learn.checkpoint import Model
from inkdigits.learn.train import Watch
from inkdigits.read import ctc
from inkdigits.types import Gray, Lines
from runs import calibration, drawing, sources
from runs.sources import Sources

CHUNK = 250
REAL = 0.2
"""The share of real lines among those to learn from."""

WORDS = 0.02
"""The share of lines that say nothing: letters, scribbles."""

LONGEST = 480
"""Columns of a strip to learn from, at most."""

RECIPE = {
    "model": "number",
    "epochs": 2.1,
    "batch": 128,
    "validation": 0.0,
    "label_smoothing": 0.0,
    "shear": 0.15,
    "shift": 1.5,
    "stroke": 0.4,
    "noise": 0.02,
}
_made: dict[str, Sources] = {}


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the weights."""
    asked = _parser().parse_args(arguments)
    training = drawn("training", asked.lines)
    held = drawn("validation", max(CHUNK, asked.lines // 45))
    model = calibrated(trained(training, asked.epochs), held)
    calibration.write(model, asked.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make the weights of the reader of lines.")
    parser.add_argument("--lines", type=int, default=270_000, help="lines to draw")
    parser.add_argument("--epochs", type=float, default=RECIPE["epochs"], help="passes over them")
    parser.add_argument("--out", type=Path, default=calibration.WEIGHTS / "number.onnx")
    return parser


def drawn(purpose: str, n: int) -> Lines:
    """Strips of drawn lines and of real ones retaken; of validation's writers, all drawn."""
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
    return [_one(_made[purpose], random) for _ in range(CHUNK)]


def _one(made: Sources, random: Generator) -> tuple[Gray, str]:
    """A strip and its text; one that came out blank, or too long or too short for its text, is drawn anew."""
    while True:
        line = _line(made, random)
        try:
            ink = image.strip(line.picture).ink
        except UserError:
            continue
        if 4 * len(line.text) <= ink.shape[1] <= LONGEST:
            return ink, line.text


def _line(made: Sources, random: Generator) -> DrawnLine:
    kind = random.random()
    if kind < WORDS:
        return lines.draw(made.words, made.signs, random)
    if kind < WORDS + REAL:
        line = made.lines[int(random.integers(len(made.lines)))]
        return DrawnLine(picture=lines.retaken(line.picture, random), text=line.text)
    return lines.draw(made.hands, made.signs, random)


def trained(training: Lines, epochs: float) -> Model:
    """The network after training, with what it was made from on its card."""
    asked = options.change(options.TrainOptions(), RECIPE | {"epochs": epochs})
    made = train.train(training, None, asked, watch=Watch(after_step=_say))
    provenance = {
        "data": training.name,
        "options": options.flat(asked),
        "n_training": len(training),
        "n_steps": made.n_steps,
        "versions": run.versions(),
    }
    card = Card(network=asdict(asked.network), label_names=DIGITS, provenance=provenance)
    return Model(network=made.network, card=card)


def _say(step: int, n_steps: int, loss: float) -> None:
    if step % 100 == 0:
        print(f"step {step} of {n_steps}: loss {loss:.3f}", flush=True)


def calibrated(model: Model, held: Lines) -> Model:
    """The model with temperature and thresholds by held-out lines, and their figures on its card."""
    logits = _logits(model, held)
    texts = [[DIGITS.index(digit) for digit in text] for text in held.texts]

    def nll(temperature: float) -> float:
        return -float(
            np.mean(
                [_log_probability(each, text, temperature) for each, text in zip(logits, texts, strict=True)]
            )
        )

    temperature = calibration.best_temperature(nll)
    read = [ctc.read(_log_scores(each, temperature)) for each in logits]
    right = np.array([list(each.labels) == text for each, text in zip(read, texts, strict=True)])
    says_digits = np.array([len(each.labels) > 0 for each in read])
    confidences = np.array([each.confidence for each in read])
    figures = {
        "n": len(held),
        "accuracy": float(right.mean()),
        "nll": nll(temperature),
        "temperature": temperature,
        "mean_confidence": float(confidences.mean()),
    }
    card = replace(
        model.card,
        temperature=temperature,
        thresholds=calibration.thresholds(confidences[says_digits], right[says_digits]),
        provenance={**model.card.provenance, "validation": figures},
    )
    return Model(network=model.network, card=card)


def _logits(model: Model, held: Lines) -> list[NDArray[np.float64]]:
    """The logits of each line's own frames: float64 (frames, classes + 1)."""
    model.network.eval()
    found = []
    with torch.inference_mode():
        for ink in held.strips:
            shown = torch.from_numpy(image.side_by_side([ink]))
            found.append(model.network(shown)[0, : image.n_frames(ink.shape[1])].double().numpy())
    return found


def _log_scores(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    cooled = logits / temperature
    return np.asarray(cooled - np.logaddexp.reduce(cooled, axis=1, keepdims=True))


def _log_probability(logits: NDArray[np.float64], text: list[int], temperature: float) -> float:
    """As a natural logarithm, and not less than that of 1e-9, which a mislabelled line would get."""
    return max(ctc.log_probability(_log_scores(logits, temperature), tuple(text)), math.log(1e-9))


if __name__ == "__main__":
    main()
