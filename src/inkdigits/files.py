"""Files that are whole or not there: written beside their place, then moved into it."""

import contextlib
import os
import secrets
from pathlib import Path

from inkdigits.errors import UnwritableError

_HALF = ".part"
_RANDOM_BYTES = 4


def write(path: Path, content: bytes | memoryview) -> None:
    """Puts `content` at `path` in one move; what stood there before stays until the new file is whole.

    Raises UnwritableError, and leaves no half file, where the folder can't be written or the disk is full.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}{_HALF}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise UnwritableError(
            f"cannot write {path}: {error.strerror}; what was saved before is untouched"
        ) from error


def check(path: Path) -> None:
    """Raises UnwritableError where `write` would, unless the disk fills up: before work is done for it."""
    if path.is_dir():
        raise UnwritableError(f"cannot write {path}: it is a folder")
    probe = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}{_HALF}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.open("xb").close()
        probe.unlink()
    except OSError as error:
        raise UnwritableError(f"cannot write {path}: {error.strerror}") from error


def sweep(folder: Path) -> None:
    """Removes what killed calls of `write` left half done in a folder that nobody writes to now."""
    for half in folder.glob(f".*.{'[0-9a-f]' * 2 * _RANDOM_BYTES}{_HALF}"):
        with contextlib.suppress(OSError):
            half.unlink()
