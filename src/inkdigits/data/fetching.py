"""A whole known set into the cache, once and for all."""

from pathlib import Path

from inkdigits.data import cache, local, obtain
from inkdigits.data.known import Entry
from inkdigits.data.mirrors import Progress
from inkdigits.data.pinned import FILES, File
from inkdigits.errors import UserError


def fetch(entry: Entry, *, progress: Progress) -> tuple[Path, ...]:
    """Where all files of a known set now lie on this machine, checked; MNIST's writers only if to be had.

    Raises UserError when a file can't be had or the cache can't be written.
    """
    if entry.name not in FILES:
        return (local.folder(entry),)
    files = [file for files in FILES[entry.name].values() for file in files]
    needed = [fetch_file(file, progress) for file in files if not file.writers_of]
    return (*needed, *_fetch_at_will([file for file in files if file.writers_of], progress))


def fetch_file(file: File, progress: Progress) -> Path:
    """Where a file now lies on this machine, checked. Raises UserError as `fetch` does."""
    content = obtain.content(file, progress=progress)
    path = cache.path(file)
    if not path.exists():
        _store(file, content)
    return path


def _store(file: File, content: obtain.Content) -> None:
    try:
        obtain.store(file, content)
    except UserError as error:
        raise UserError(
            f"{error}: make room there, or set INKDIGITS_CACHE to a folder that can be written"
        ) from error


def _fetch_at_will(files: list[File], progress: Progress) -> list[Path]:
    try:
        return [fetch_file(file, progress) for file in files]
    except UserError:
        return []
