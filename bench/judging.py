"""Judging: calibration, robustness, strangers, attacks and doubtful labels, by the commands that users type.

Every piece is kept as soon as it is measured, since all of them take from one hour to two on two cores.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import results
from inkdigits.learn import models

PRESETS: Mapping[str, int] = {"sprint": 3, "fast": 3, "strong": 3, "best": 1, "robust": 1}
"""Presets, and of how many seeds."""

SHIPPED = ("reader", "house")

HELD_OUT = "0.1667"
"""The share of MNIST's training images that a temperature is found on: their last 10,000, or nearly."""

DISPUTED = (947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729)
"""MNIST's test images with disputed labels (Northcutt, Athalye, Mueller, 2021, arXiv:2103.14749)."""

DISPUTED_SEEDS = (0, 3)
"""Each draws three cross-validations, with seeds that count on from it."""

FIRST = 50

_PROGRAM = str(Path(sys.executable).with_name("inkdigits"))
_console = Console(stderr=True)

Figures = dict[str, Any]


def measure() -> None:
    """Measures all of it, piece by piece, and writes the results."""
    results.write(
        "judging",
        {
            "what": "presets trained on five sixths of MNIST's training images; judged on its test images",
            "presets": {
                name: [_told(f"{name} {seed}", _preset(name, seed)) for seed in range(seeds)]
                for name, seeds in PRESETS.items()
            },
            "shipped": {name: _told(name, _shipped(name)) for name in SHIPPED},
            "hardened": _told("hardened", _hardened(0)),
            "disputed": [_told(f"disputed {seed}", _disputed(seed)) for seed in DISPUTED_SEEDS],
        },
    )


@results.kept
def _preset(name: str, seed: int) -> Figures:
    """Of a preset: the temperature found, the calibration it gives, what changed images cost."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        _ask("train", "mnist", "--preset", name, "--validation", HELD_OUT, "--seed", seed, "--out", run)
        found = models.find(str(run)).card.temperature
        return {"temperature": found, **_judged(run, "--robustness")}


@results.kept
def _shipped(name: str) -> Figures:
    return _judged(name, "--robustness", "--unseen")


@results.kept
def _hardened(seed: int) -> Figures:
    """Of the network for it, trained against attacks: what is left of its accuracy under them."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        _ask("train", "mnist", "--preset", "hardened", "--seed", seed, "--out", run)
        return _judged(run, "--attacks")


@results.kept
def _disputed(seed: int) -> Figures:
    """How many of the disputed test images are among the first suspects."""
    with tempfile.TemporaryDirectory() as folder:
        out = ("--out", Path(folder) / "suspects.csv", "--picture", Path(folder) / "suspects.png")
        found = _ask("data", "check", "mnist", "--labels", "--most", FIRST, "--seed", seed, *out)
    (test,) = (split for split in found["splits"] if split["split"] == "test")
    rows = [suspect["row"] for suspect in test["suspects"][:FIRST]]
    return {"among": len(set(rows) & set(DISPUTED)), "disputed": len(DISPUTED), "first": len(rows)}


def _judged(model: str | Path, *options: str) -> Figures:
    found = _ask("evaluate", model, "mnist", *options)
    wanted = ("n", "accuracy", "accuracy_interval", "ece", "brier", "nll", "auroc")
    more = ("robustness", "unseen", "attacks")
    return {name: found[name] for name in (*wanted, *more) if name in found}


def _ask(*words: object) -> Figures:
    """The JSON that a command prints."""
    command = [_PROGRAM, *map(str, words), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: Figures = json.loads(done.stdout)
    return found


def _told(name: str, found: Figures) -> Figures:
    short = {key: value for key, value in found.items() if not isinstance(value, (list, dict))}
    _console.print(f"{name}: {short}")
    return found
