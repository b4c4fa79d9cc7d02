"""From a name or a path to a labelled set of digit images."""

from importlib import import_module
from pathlib import Path
from typing import cast

from inkdigits.data import known
from inkdigits.data.known import Entry
from inkdigits.errors import ArgumentError, UserError
from inkdigits.types import Dataset

# Which module reads a known set: imported on demand, so that MNIST needs neither OpenCV nor Pillow.
_READERS = dict.fromkeys(("mnist", "fashion-mnist", "kannada"), "mnist")
_READERS |= dict.fromkeys(("usps", "bangla", "devanagari", "telugu", "semeion", "pendigits"), "published")
_READERS |= dict.fromkeys(("symbols", "cells", "cheque-amounts"), "crops")


def load(source: str, split: str = "train") -> Dataset:
    """One split of a known set, or of the data at a path.

    Digit images as DESIGN.md has them: uint8 (n, 28, 28), bright ink on black. Of a known set only that
    split's images are read. Raises UserError for a source that isn't there and for data that can't be used,
    ArgumentError for a split that isn't there.
    """
    entry = known.find(source)
    if entry is None:
        return _load_own(source, split)
    if entry.kind != "digit images":
        raise UserError(
            f"{source} holds {entry.kind}, not digit images: reading whole lines is planned, "
            "and until then `inkdigits data info` shows them"
        )
    if split not in entry.splits:
        raise ArgumentError(f"{source} has no split {split!r}; one of: {', '.join(entry.splits)}")
    return _load_known(entry, split)


def splits(source: str) -> tuple[str, ...]:
    """The names of the splits of a known set, or of the data at a path."""
    entry = known.find(source)
    if entry is not None:
        return entry.splits
    from inkdigits.data import own  # noqa: PLC0415 (as above)

    return tuple(own.parts(path(source)))


def fetch(name: str) -> tuple[Path, ...]:
    """Where all files of a known set now lie on this machine; downloads show bars on standard error."""
    from inkdigits.data import fetching, progress  # noqa: PLC0415 (as above)

    entry = known.require(name)
    with progress.bars() as report:
        return fetching.fetch(entry, progress=report)


def path(source: str) -> Path:
    """The path that a source names; ArgumentError if it is neither that nor a known set."""
    names = ", ".join(entry.name for entry in known.catalogue())
    right = f"name a folder or file that exists, or one of: {names}"
    if not source:
        # What Path makes of it is the current folder.
        raise ArgumentError(f"the name of the data set is empty: {right}")
    try:
        named = Path(source).expanduser()
        if named.exists():
            return named
    except OSError as error:
        raise UserError(f"{source} can't be read ({error.strerror}): {right}") from error
    except RuntimeError:
        # A home of nobody's.
        pass
    raise ArgumentError(f"there is no data set {source!r}: {right}")


def _load_known(entry: Entry, split: str) -> Dataset:
    reader = import_module(f"inkdigits.data.{_READERS[entry.name]}")
    return cast(Dataset, reader.load(entry, split))


def _load_own(source: str, split: str) -> Dataset:
    from inkdigits.data import own  # noqa: PLC0415 (as above)

    return own.load(path(source), split)
