"""The models that ship in the package."""

from collections.abc import Mapping
from pathlib import Path

from inkdigits.errors import ArgumentError

FOLDER = Path(__file__).parent

NAMES = ("reader", "house", "number")
"""Their names."""

DRAWN = ("drawn digits and mnist", "drawn lines")
"""What their cards call the data that they learnt from."""

LEARNT = ("mnist", "pendigits", "semeion", "symbols", "numbers10", "grids", "cells")
"""The known sets that this was drawn from, and taken from as it is."""

FONTS = "fonts: Breip, DkgHandwriting, femkeklaver, SteveHand and Delphine, Because We …, DejaVu"
"""The fonts that it was drawn from, too: of Debian's packages, each under a licence of its own."""

MADE_BY: Mapping[str, str] = {"reader": "runs.reader", "house": "runs.pretrain", "number": "runs.number"}
"""The module of the repository that makes each."""

OLD = "old-digits.npz"
"""A sample of the digit images that `reader` and `house` learnt from, and of those held out."""


def is_shipped(model: str | Path) -> bool:
    """Whether a model is one that ships, and not a file or run directory of that name."""
    return str(model) in NAMES and not Path(model).exists()


def content(name: str) -> bytes:
    """The ONNX file of a shipped model. Raises ArgumentError for a name that isn't one."""
    if name not in NAMES:
        raise ArgumentError(f"there is no model {name!r}; one of: {', '.join(NAMES)}")
    return (FOLDER / f"{name}.onnx").read_bytes()
