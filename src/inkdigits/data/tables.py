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
    lines = [(number, line) for number, line in enumerate(_text(path).splitlines(), 1) if line.strip()]
    header = _first_row([line for _, line in lines[:1]], path=path)
    column = header.index("label") if "label" in header else 0
    rows = lines[_is_header(header) :]
    if not rows:
        raise UserError(f"{path} has no rows; each should hold a label and {_PIXELS} pixels")
    _check_widths(rows, path=path)
    try:
        text = io.StringIO("\n".join(line for _, line in rows))
        table = np.loadtxt(text, delimiter=",", quotechar='"', dtype=np.float32, ndmin=2)
    except ValueError as error:
        raise UserError(f"{path} holds something else than numbers ({error})") from error
    return arrays.to_samples(np.delete(table, column, axis=1), table[:, column], name=str(path))


def read_list(path: Path) -> Samples:
    """Samples of the pictures in a `labels.csv`: columns `file`, `label`, perhaps `group` or `writer`."""
    table = csv.DictReader(io.StringIO(_text(path)))
    try:
        columns = table.fieldnames or ()
        rows = [(table.line_num, row) for row in table]
    except csv.Error as error:
        raise _no_table(path, error) from error
    if not {"file", "label"} <= set(columns):
        raise UserError(
            f"{path} has the columns {', '.join(columns) or 'none'}; it should have file and label"
        )
    for line, row in rows:
        if None in row or None in row.values():
            raise UserError(
                f"{path} line {line} has another number of columns than the {len(columns)} of its header"
            )
        if not row["label"].strip():
            raise UserError(f"{path} line {line} has no label")
    if not rows:
        raise UserError(f"{path} names no pictures; each row should hold a file and its label")
    group = next((column for column in _GROUPS if column in columns), None)
    return samples.from_files(
        [_inside(path.parent, row["file"], table=path) for _, row in rows],
        labels=[row["label"] for _, row in rows],
        groups=[row[group] for _, row in rows] if group else None,
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
        return next(csv.reader(lines), [])
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


def _check_widths(rows: list[tuple[int, str]], *, path: Path) -> None:
    for number, line in rows:
        width = line.count(",") + 1
        if width != _PIXELS + 1:
            raise UserError(
                f"{path} line {number} has {width} columns; it should have {_PIXELS + 1}: "
                f"a label and {_PIXELS} pixels"
            )


def _inside(folder: Path, file: str, *, table: Path) -> Path:
    """The file of a row, which must lie in the table's folder: a table from elsewhere mustn't name others."""
    if "\0" in file:
        raise UserError(f"{table} names {file!r}, which no file can be called")
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise UserError(f"{table} names {file!r}; files should lie in the folder of the table")
    return folder / file
