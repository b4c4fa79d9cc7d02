"""How well what ships reads real writing, by people and on photos that no model was trained on.

`python -m bench.run reading-validation` measures on validation writers and photos, on which recipes may be
chosen; `python -m bench.run reading` on the test's, once, at the end.
"""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from runs import sources

from bench import peers, results
from inkdigits import data, image, stats
from inkdigits.card import NONE
from inkdigits.data import known, local, pages
from inkdigits.errors import UserError
from inkdigits.read import digits, engine, grids, numbers
from inkdigits.read.engine import Engine
from inkdigits.read.numbers import Wanted
from inkdigits.read.reader import least_confidence
from inkdigits.types import Dataset, Gray, Line

MAX_ERROR = 0.005
"""The error rate that answers are accepted at."""

_CHEQUES = 4
"""Every fourth cheque is for validation."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """One text: whether it is right, how surely it was read, and whether it was accepted."""

    right: bool
    confidence: float
    accepted: bool


def measure() -> None:
    """Reads the test writers and photos, and writes the figures."""
    results.write("reading", figures("test"))


def measure_validation() -> None:
    """Reads validation's, and writes the figures: for the time before the test is read."""
    results.write("reading-validation", figures("validation"))


def figures(part: str) -> dict[str, Any]:
    """All figures on one part, `validation` or `test`."""
    reader, number = (engine.shipped(name, threads=2) for name in ("reader", "number"))
    of_lines = numbers.Reader(lines=number, digits=reader)
    return {
        "part": part,
        "numbers10": _summary(_lines(of_lines, _number_lines(part))),
        "cheque_amounts": _summary(_lines(of_lines, _cheque_lines(part))),
        "grids": _grids(reader, part),
        "cells": _cells(reader, part),
        "numbers10_digits": _summary(_number_digits(reader, part)),
        **{name: _images(reader, name, part) for name in ("usps", "mnist")},
        "refused": _refused(reader, part),
        "peers": _peers(part),
    }


def _summary(read: Sequence[Read]) -> dict[str, Any]:
    """Share read right with its interval, share accepted and wrong among those, and calibration."""
    right = np.array([each.right for each in read])
    accepted = np.array([each.accepted for each in read])
    confidences = np.array([each.confidence for each in read])
    low, high = stats.wilson(int(right.sum()), len(read))
    return {
        "n": len(read),
        "right": float(right.mean()),
        "interval": [low, high],
        "accepted": float(accepted.mean()),
        "wrong_of_accepted": float(1 - right[accepted].mean()) if accepted.any() else None,
        "calibration_error": stats.calibration_error(confidences, right),
    }


def _read(line: Line, text: str) -> Read:
    return Read(right=line.text == text, confidence=line.confidence, accepted=line.accepted)


def _peers(part: str) -> dict[str, Any]:
    """The share of the same lines that others read right; None of one that isn't installed."""
    lines = {"numbers10": _number_lines(part), "cheque_amounts": _cheque_lines(part)}
    found: dict[str, Any] = {}
    for name, peer in (("rapidocr", peers.rapidocr()), ("tesseract", peers.tesseract())):
        found[name] = peer and {
            kind: float(np.mean([peer(image.decode(file)) == text for file, text in track(wanted)]))
            for kind, wanted in lines.items()
        }
    return found


def _number_lines(part: str) -> list[tuple[Path, str]]:
    writers = sources.writers(part)
    pictures = pages.load(known.require("numbers10"))
    return [(each.file, each.digits) for each in pictures if each.writer in writers]


def _cheque_lines(part: str) -> list[tuple[Path, str]]:
    folder = local.folder(known.require("cheque-amounts"))
    cheques = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    chosen = [each for at, each in enumerate(cheques) if (at % _CHEQUES == 0) == (part == "validation")]
    return [(folder / each["file"], each["number"]) for each in chosen]


def _lines(reader: numbers.Reader, wanted: Sequence[tuple[Path, str]]) -> list[Read]:
    asked = Wanted(least_confidence=least_confidence(reader.lines, MAX_ERROR))
    return [_read(numbers.read(image.decode(file), reader, asked), text) for file, text in track(wanted)]


def _grids(reader: Engine, part: str) -> dict[str, Any]:
    least = least_confidence(reader, MAX_ERROR)
    whole, n_right, n_cells = [], 0, 0
    for photo, cells in track(sources.sheets(part)):
        expected = np.array(cells, np.str_)
        found = _grid(image.decode(photo), reader, least)
        right = found == expected if found.shape == expected.shape else np.zeros(expected.shape, np.bool_)
        whole.append(bool(right.all()))
        n_right, n_cells = n_right + int(right.sum()), n_cells + right.size
    return {
        "n": len(whole),
        "photos_right": float(np.mean(whole)),
        "photos_interval": stats.wilson(sum(whole), len(whole)),
        "n_cells": n_cells,
        "cells_right": n_right / n_cells,
    }


def _grid(photo: Gray, reader: Engine, least: float) -> NDArray[np.str_]:
    try:
        return np.array(grids.read(photo, reader, least).grid, np.str_)
    except UserError:
        return np.array([], np.str_)


def _cells(reader: Engine, part: str) -> dict[str, Any]:
    """Digit, or blank or neither."""
    chosen = sources.cells(part)
    right = []
    for path in track(chosen):
        line = digits.read(image.decode(path), reader, 0.0)
        expected = {"blank": "", "candidates": ""}.get(path.parent.name, path.parent.name)
        right.append(bool(line.text) == bool(expected))
    return {
        "n": len(chosen),
        "right": float(np.mean(right)),
        "interval": stats.wilson(sum(right), len(right)),
    }


def _number_digits(reader: Engine, part: str) -> list[Read]:
    least = least_confidence(reader, MAX_ERROR)
    crops = sources.number_digits(part)
    return [_read(digits.read(crop.picture, reader, least), crop.label) for crop in track(crops)]


def _images(reader: Engine, name: str, part: str) -> dict[str, Any]:
    """Digit images of a known set; for validation, of its training split what the reader didn't learn."""
    found = _known(name, part)
    scores = reader.classify(found.images)
    names = np.array(reader.card.label_names)
    least = least_confidence(reader, MAX_ERROR)
    answers = names[scores.argmax(axis=1)]
    expected = np.array(found.label_names)[found.labels]
    return _summary(
        [
            Read(right=bool(a == e), confidence=float(c), accepted=bool(c >= least and a != NONE))
            for a, e, c in zip(answers, expected, scores.max(axis=1), strict=True)
        ]
    )


def _known(name: str, part: str) -> Dataset:
    if part == "validation":
        return sources.mnist()[1] if name == "mnist" else data.load(name, "train")
    return data.load(name, "test")


def _refused(reader: Engine, part: str) -> dict[str, Any]:
    """What is refused where 99 % of MNIST's digits are accepted: letters and signs, fashion, blanks."""
    names = reader.card.label_names
    digit = [at for at, name in enumerate(names) if name != NONE]
    mnist = reader.classify(_known("mnist", part).images)[:, digit].max(axis=1)
    threshold = float(np.quantile(mnist, 0.01))
    symbols = sources.symbols(part)
    is_digit = np.char.isdigit(np.array(symbols.label_names)[symbols.labels])
    kinds = {"letters_and_signs": symbols.images[~is_digit]}
    with contextlib.suppress(UserError):  # it is had from the network alone
        kinds["fashion"] = _known("fashion-mnist", part).images[:10_000]
    blanks = [path for path in sources.cells(part) if path.parent.name == "blank"]
    lines = [digits.read(image.decode(path), reader, threshold) for path in blanks]
    return {
        "threshold": threshold,
        **{
            kind: float((reader.classify(images)[:, digit].max(axis=1) < threshold).mean())
            for kind, images in kinds.items()
        },
        "blanks": float(np.mean([not line.accepted for line in lines])),
    }
