"""One process at a time at the same files."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from inkdigits.errors import UserError


@contextlib.contextmanager
def held(path: Path, *, busy: str) -> Iterator[None]:
    """Keeps every other process that asks for the lock file at `path` out, until it is through or killed.

    Raises UserError, with the sentence `busy`, where another process is in, and where the directory can't
    be written.
    """
    folder = path.parent
    lock = filelock.FileLock(path, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise UserError(busy) from error
    except OSError as error:
        raise UserError(f"cannot write in {folder}: {error.strerror}; name another directory") from error
    try:
        yield
    finally:
        lock.release()
