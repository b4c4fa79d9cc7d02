"""The house model, `house`: all handwriting that may train what ships, to read with and to fine-tune from.

python -m runs.pretrain              all of it, an hour on two cores
python -m runs.pretrain --images 20000 --epochs 1 --out /tmp/house.onnx    a quick try
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inkdigits import files, weights
from inkdigits.data import split
from inkdigits.data.known import DIGITS
from inkdigits.types import Dataset, together
from runs import classifiers, digits, sources

RECIPE: Mapping[str, Any] = {"model": "best", "epochs": 9.0}

KEPT, KEPT_NONE, KEPT_MNIST = 255, 1_450, 650
"""Images kept beside the models: of each digit and of none to train on, and of MNIST's digits to judge by.

Where half of a batch is new digits and half is these, a fifth of it is none, as it was in training.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the weights, and the sample that goes with them."""
    asked = classifiers.parser("Make the weights of the house model.", "house.onnx").parse_args(arguments)
    training, held = digits.training(asked.images), digits.held_out(asked.images)
    classifiers.finish(classifiers.trained(training, RECIPE, asked.epochs), held, asked.out)
    _keep(training, held, asked.out.with_name(weights.OLD))


def _keep(training: Dataset, held: Dataset, out: Path) -> None:
    """A sample that goes with the models: to be shown again, and judged by, when they are fine-tuned."""
    is_digit = training.labels < len(DIGITS)
    kinds = ((is_digit, KEPT), (~is_digit, KEPT_NONE))
    few = together(
        [split.few(training.select(np.flatnonzero(rows), split="train"), n, seed=0) for rows, n in kinds]
    )
    mnist = split.few(sources.mnist()[1], KEPT_MNIST, seed=0).relabelled(digits.LABELS)
    held = together([held, mnist])
    content = io.BytesIO()
    names = np.array(digits.LABELS)
    np.savez_compressed(
        content,
        x_train=few.images,
        y_train=names[few.labels],
        x_test=held.images,
        y_test=names[held.labels],
    )
    files.write(out, content.getvalue())


if __name__ == "__main__":
    main()
