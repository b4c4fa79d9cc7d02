"""What both shipped models are given after training: a temperature, and thresholds of refusal."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigits import files, stats
from inkdigits.learn import checkpoint, export
from inkdigits.learn.checkpoint import Model

ERROR_RATES = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""Shares of wrong answers among the accepted ones that thresholds are given for."""

WEIGHTS = Path(__file__).parents[1] / "src" / "inkdigits" / "weights"
"""Where the package keeps what ships."""

_TEMPERATURES = np.geomspace(0.2, 3.0, 60)


def best_temperature(nll: Callable[[float], float]) -> float:
    """What the logits are divided by so that the likelihood of held-out labels is highest."""
    return float(min(_TEMPERATURES, key=nll))


def thresholds(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> dict[str, float]:
    """For each error rate, the confidence from which on held-out answers keep to it."""
    return {f"{rate:g}": stats.least_confidence(confidences, right, error_rate=rate) for rate in ERROR_RATES}


def write(model: Model, out: Path) -> None:
    """Both files of a shipped model: `out`, the ONNX one, and beside it the safetensors to train on from."""
    print(model.card.provenance["validation"])
    checkpoint.save(out.with_suffix(".safetensors"), model)
    files.write(out, export.graph(model))
