"""Pixels or file names in CSV: `label` and 784 pixels a row, or a `labels.csv` beside pictures."""

import csv
import io
from pathlib import Path

import numpy as np

from inkdigits.data import arrays, samples
from inkdigits.data.samples import Samples
from inkdigits.errors import UserError
from inkdigits.types import SIDE

_PIXELS = SIDE * SIDE
_GROUPS = ("group", "writer")


def read_pixels(path: Path) -> Samples:
    """Samples of a table with a label and 784 pixels in each row.

    The label is in the column headed `label`, or the first one; a header line is not needed.
    """
    lines = _text(path).splitlines()
    header = _first_row(lines, path=path)
    column = header.index("label") if "label" in header else 0
    rows = [line for line in lines[_is_header(header) :] if line.strip()]
    if not rows:
        raise UserError(f"{path} has no rows; each should hold a label and {_PIXELS} pixels")
    _check_widths(rows, path=path, first=1 + _is_header(header))
    try:
        table = np.loadtxt(
            io.StringIO("\n".join(rows)), delimiter=",", quotechar='"', dtype=np.float32, ndmin=2
        )
    except ValueError as error:
        raise UserError(f"{path} holds something else than numbers ({error})") from error
    return arrays.to_samples(np.delete(table, column, axis=1), table[:, column], name=str(path))


def read_list(path: Path) -> Samples:
    """Samples of the pictures in a `labels.csv`: columns `file`, `label`, perhaps `group` or `writer`."""
    table = csv.DictReader(io.StringIO(_text(path)))
    try:
        columns = table.fieldnames or ()
        rows = list(table)
    except csv.Error as error:
        raise _no_table(path, error) from error
    if not {"file", "label"} <= set(columns):
        raise UserError(
            f"{path} has the columns {', '.join(columns) or 'none'}; it should have file and label"
        )
    wrong = next((number for number, row in enumerate(rows, 2) if None in row or None in row.values()), None)
    if wrong is not None:
        raise UserError(
            f"{path} line {wrong} has another number of columns than the {len(columns)} of its header"
        )
    if not rows:
        raise UserError(f"{path} names no pictures; each row should hold a file and its label")
    group = next((column for column in _GROUPS if column in columns), None)
    return samples.from_files(
        [_inside(path.parent, row["file"], table=path) for row in rows],
        labels=[row["label"] for row in rows],
        groups=[row[group] for row in rows] if group else None,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text: a table should be in UTF-8") from error


def _first_row(lines: list[str], *, path: Path) -> list[str]:
    try:
        return next(csv.reader(lines[:1]), [])
    except csv.Error as error:
        raise _no_table(path, error) from error


def _no_table(path: Path, error: csv.Error) -> UserError:
    return UserError(f"{path} can't be read as a table ({error})")


def _is_header(cells: list[str]) -> bool:
    try:
        [float(cell) for cell in cells]
    except ValueError:
        return True
    return False


def _check_widths(rows: list[str], *, path: Path, first: int) -> None:
    widths = [row.count(",") + 1 for row in rows]
    wrong = next((number for number, width in enumerate(widths) if width != _PIXELS + 1), None)
    if wrong is not None:
        raise UserError(
            f"{path} line {wrong + first} has {widths[wrong]} columns; it should have {_PIXELS + 1}: "
            f"a label and {_PIXELS} pixels"
        )


def _inside(folder: Path, file: str, *, table: Path) -> Path:
    """The file of a row, which must lie in the table's folder: a table from elsewhere mustn't name others."""
    if "\0" in file:
        raise UserError(f"{table} names {file!r}, which no file can be called")
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise UserError(f"{table} names {file!r}; files should lie in the folder of the table")
    return folder / file
