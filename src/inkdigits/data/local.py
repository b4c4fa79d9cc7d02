"""Folders on this machine that hold known sets: the one the user names, and the system's."""

import os
from pathlib import Path

from inkdigits.data.known import Entry
from inkdigits.data.pinned import File
from inkdigits.errors import UserError

SYSTEM = Path("/usr/share/datasets")
"""Where Debian's data set packages lie (`dataset-fashion-mnist`)."""


def named() -> Path | None:
    """The folder of data sets that INKDIGITS_DATA names, or None; UserError if there is no such folder."""
    name = os.environ.get("INKDIGITS_DATA")
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UserError(
            f"INKDIGITS_DATA names {name}, which is no folder; name one that holds mnist/ and the like"
        )
    return folder


def find(file: File) -> tuple[Path, ...]:
    """Where the named folder or the system's may hold that file, compressed or not: the likeliest first."""
    data = named()
    folders = [] if data is None else [data / file.folder, data]
    candidates = (folder / name for folder in [*folders, SYSTEM / file.folder] for name in _names(file))
    return tuple(path for path in candidates if path.is_file())


def folder(entry: Entry) -> Path:
    """The folder of a known set that comes as one; UserError says where to get it."""
    data = named()
    if data is not None and (data / entry.name).is_dir():
        return data / entry.name
    where = "INKDIGITS_DATA isn't set" if data is None else f"{data} has no folder {entry.name}"
    raise UserError(
        f"{entry.name} is not at hand: {where}; get it from {entry.source}, put it into a folder "
        f"{entry.name}/ and set INKDIGITS_DATA to the folder that holds that one"
    )


def _names(file: File) -> tuple[str, ...]:
    """The names a file goes by; some distributors write a dot for MNIST's first hyphen before idx."""
    origin = file.origin or file.name
    return tuple(
        dict.fromkeys(
            f"{name}{end}" for name in (origin, origin.replace("-idx", ".idx")) for end in ("", ".gz")
        )
    )
