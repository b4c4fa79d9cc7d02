"""The course of a training, kept as CSV that any spreadsheet opens."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from inkdigits import files
from inkdigits.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Record:
    """A part of a training, at most an epoch: the epoch it is in and its last step, both from 1, and figures.

    `loss` and `train_accuracy` are means over the part's batches, `seconds` is the time since the training
    began. A figure that wasn't measured is None; validation is measured where an epoch or the run ends.
    """

    epoch: int
    step: int
    learning_rate: float
    loss: float
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float


FILE = "history.csv"
"""Its name in a run directory."""

COLUMNS = tuple(field.name for field in fields(Record))
"""The header of the file."""

COUNTS = ("epoch", "step")
"""The columns that hold whole numbers; the others hold fractions."""

OPTIONAL = ("train_accuracy", "validation_loss", "validation_accuracy")
"""The columns that may be empty."""


def write(path: Path, records: Sequence[Record]) -> None:
    """The whole history on disk; a reader, or a crash, finds the old file or the new one, never half."""
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    rows.writeheader()
    rows.writerows(asdict(record) for record in records)
    files.write(path, text.getvalue().encode())


def read(path: Path) -> tuple[Record, ...]:
    """The records that `write` kept, to the last bit; a `UserError` where the file is no history."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise UserError(f"{path} has the columns {rows.fieldnames}; {', '.join(COLUMNS)} were expected")
        return tuple(_record(row, where=f"{path}, line {rows.line_num}") for row in rows)


def _record(row: dict[str, str | None], *, where: str) -> Record:
    if None in row or None in row.values():
        raise UserError(f"{where} has not {len(COLUMNS)} columns, as a history was expected to")
    try:
        return Record(**{name: _value(name, str(cell)) for name, cell in row.items()})  # type: ignore[arg-type]
    except ValueError as error:
        raise UserError(f"{where} is no record: {error}; numbers were expected") from error


def _value(name: str, cell: str) -> int | float | None:
    if name in COUNTS:
        return int(cell)
    return None if name in OPTIONAL and not cell else float(cell)
