"""The shipped classifier of digits, `reader`: drawn, trained, calibrated together with `house`, exported.

python -m runs.reader                all of it, three quarters of an hour on two cores
python -m runs.reader --images 20000 --epochs 1 --out /tmp/reader.onnx     a quick try

It asks `house` where it is unsure, which `runs.pretrain` makes first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from inkdigits.read import engine
from runs import classifiers, digits

RECIPE: Mapping[str, Any] = {"model": "strong", "epochs": 12.0}


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the weights."""
    parser = classifiers.parser("Make the weights of the small classifier of digits.", "reader.onnx")
    asked = parser.parse_args(arguments)
    model = classifiers.trained(digits.training(asked.images), RECIPE, asked.epochs)
    house = engine.shipped("house", threads=1)
    classifiers.finish(model, digits.held_out(asked.images), asked.out, second=house)


if __name__ == "__main__":
    main()
