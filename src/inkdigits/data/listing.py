"""What lies in a folder, by name; a folder that can't be read is a sentence."""

from collections.abc import Callable
from pathlib import Path

from inkdigits.errors import UserError


def sub_folders(folder: Path) -> list[Path]:
    """The folders in a folder, without hidden ones."""
    return [path for path in _listed(folder, Path.is_dir) if not path.name.startswith(".")]


def files(folder: Path) -> list[Path]:
    """The files in a folder, without hidden ones."""
    return [path for path in _listed(folder, Path.is_file) if not path.name.startswith(".")]


def _listed(folder: Path, wanted: Callable[[Path], bool]) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if wanted(path))
    except OSError as error:
        raise UserError(f"{folder} can't be read ({error.strerror}): allow it, or name another") from error
    for path in found:
        _require_text(path.name, folder)
    return found


def _require_text(name: str, folder: Path) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{folder} holds {name!a}, whose name is no UTF-8: rename it") from error
