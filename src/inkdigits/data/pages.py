"""The known sets of lines and pages: which pictures they hold, and what is written on them."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inkdigits.data import local
from inkdigits.data.known import Entry


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture of a line or page: its file, the digits on it in reading order, and its writer if known."""

    file: Path
    digits: str
    writer: str | None = None


def load(entry: Entry) -> tuple[Picture, ...]:
    """All pictures of the set; raises UserError where the set is not at hand."""
    return _READERS[entry.name](local.folder(entry))


def _numbers(folder: Path) -> tuple[Picture, ...]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    return tuple(
        Picture(file=folder / row["file"], digits=row["number"], writer=row["writer"]) for row in rows
    )


def _grids(folder: Path) -> tuple[Picture, ...]:
    grids = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return tuple(
        Picture(
            file=folder / grid["file"], digits="".join(str(cell) for row in grid["cells"] for cell in row)
        )
        for grid in grids
    )


_READERS: dict[str, Callable[[Path], tuple[Picture, ...]]] = {"numbers10": _numbers, "grids": _grids}
