"""What both shipped models are given after training: a temperature, and thresholds of refusal."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from inkdigits import files, stats
from inkdigits.learn import checkpoint, export, quantize
from inkdigits.learn.checkpoint import Model
from inkdigits.read import engine
from inkdigits.read.engine import Engine
from inkdigits.types import Images

ERROR_RATES = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""Shares of wrong answers among the accepted ones that thresholds are given for."""

WEIGHTS = Path(__file__).parents[1] / "src" / "inkdigits" / "weights"
"""Where the package keeps what ships."""

MOST_COST = 0.0005
"""The accuracy that a smaller file may cost."""

_LEAST_ANSWERS = 3
_COOLEST, _HOTTEST = 0.2, 3.0


def best_temperature(nll: Callable[[float], float]) -> float:
    """What the logits are divided by so that the likelihood of held-out labels is highest."""
    bounds = (math.log(_COOLEST), math.log(_HOTTEST))
    found = minimize_scalar(
        lambda at: nll(math.exp(at)), bounds=bounds, method="bounded", options={"xatol": 0.01}
    )
    return math.exp(float(found.x))


def thresholds(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> dict[str, float]:
    """For each error rate, the confidence from which on held-out answers keep to it.

    Rates are left out that too few answers speak for: of 3 / rate answers that rate would show a mistake in
    19 of 20 cases. Answers are counted as if they were independent, which strips cut from one number aren't.
    """
    found = {rate: stats.least_confidence(confidences, right, error_rate=rate) for rate in ERROR_RATES}
    return {
        f"{rate:g}": least
        for rate, least in found.items()
        if np.count_nonzero(confidences >= least) >= _LEAST_ANSWERS / rate
    }


def exported(
    model: Model, shown: Sequence[Images], accuracy: Callable[[Engine], float]
) -> tuple[bytes, dict[str, float]]:
    """The ONNX file that ships, and the accuracy of all there could be, by `accuracy` on what was held out.

    In whole numbers of eight bits, with scales found on the batches `shown`, where that costs `MOST_COST` at
    most; else with weights kept in half precision, where that does; else in float32.
    """
    plain = export.graph(model)
    kinds = {"int8": quantize.int8(plain, shown), "half": quantize.half(plain), "float32": plain}
    found = {kind: accuracy(engine.load(content, threads=1)) for kind, content in kinds.items()}
    chosen = next(kind for kind in kinds if found[kind] >= found["float32"] - MOST_COST)
    return kinds[chosen], {f"accuracy_{kind}": value for kind, value in found.items()}


def write(model: Model, content: bytes, out: Path) -> None:
    """Both files of a shipped model: `out`, the ONNX one, and beside it the safetensors to train on from."""
    print(model.card.provenance["validation"])
    checkpoint.save(out.with_suffix(".safetensors"), model, in_half=True)
    files.write(out, export.described(content, checkpoint.complete(model)))
