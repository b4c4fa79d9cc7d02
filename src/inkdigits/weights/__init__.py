"""The models that ship in the package."""

from importlib.resources import files

from inkdigits.errors import ArgumentError

NAMES = ("reader", "reader-large", "number")
"""Their names."""


def content(name: str) -> bytes:
    """The ONNX file of a shipped model. Raises ArgumentError for a name that isn't one."""
    if name not in NAMES:
        raise ArgumentError(f"there is no model {name!r}; one of: {', '.join(NAMES)}")
    return (files("inkdigits.weights") / f"{name}.onnx").read_bytes()
