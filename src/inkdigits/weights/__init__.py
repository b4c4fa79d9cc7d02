"""The models that ship in the package."""

from pathlib import Path

from inkdigits.errors import ArgumentError

FOLDER = Path(__file__).parent

NAMES = ("reader", "house", "number")
"""Their names."""

OLD = "old-digits.npz"
"""A sample of the digit images that `reader` and `house` learnt from, and of those held out."""


def content(name: str) -> bytes:
    """The ONNX file of a shipped model. Raises ArgumentError for a name that isn't one."""
    if name not in NAMES:
        raise ArgumentError(f"there is no model {name!r}; one of: {', '.join(NAMES)}")
    return (FOLDER / f"{name}.onnx").read_bytes()
