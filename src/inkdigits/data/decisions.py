"""What a person decided about labels that look wrong, put into effect in a copy of the set.

Decisions are a table (CSV) with the columns `split`, `row`, `label` and `decision`, as `data check --labels`
writes it: the right label, `remove`, or nothing where the label stays. Where a column `file` names a picture,
that is what is meant, whatever its row is by now.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigits import files
from inkdigits.errors import ArgumentError, UserError
from inkdigits.types import Dataset

REMOVE = "remove"
"""The decision that leaves an image out."""

_ROW = re.compile("[0-9]{1,12}")
_COLUMNS = ("split", "row", "label", "decision")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of one image of a split, by its file or else its row: another label, or None: left out."""

    split: str
    row: int
    label: str
    right: str | None
    file: str = ""


def read(path: Path) -> tuple[Decision, ...]:
    """The decisions in a table, lines without one left out. Raises UserError where it is no such table."""
    try:
        table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
        lines = list(table)
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no table of decisions: it should be a CSV file in UTF-8") from error
    missing = [column for column in _COLUMNS if column not in (table.fieldnames or ())]
    if missing:
        raise UserError(f"{path} has no column {missing[0]}; it should have {', '.join(_COLUMNS)}")
    found = tuple(_decision(path, number, line) for number, line in enumerate(lines, 2) if _decided(line))
    if not found:
        raise UserError(f"{path} holds no decision: write the right label, or {REMOVE}, into that column")
    return found


def apply(dataset: Dataset, decisions: Sequence[Decision], *, pictures: Sequence[str] = ()) -> Dataset:
    """The split with those of the decisions in effect that are about it; `pictures` are its rows' files.

    Raises UserError where a decision names a file, a row or a label that the split doesn't have, where one
    image is decided twice, and where the label that was looked at isn't the image's: the decisions are about
    another set then, or were put into effect.
    """
    names = dataset.label_names
    row_of = {picture: row for row, picture in enumerate(pictures)}
    labels, kept, decided = dataset.labels.copy(), np.ones(len(dataset), np.bool_), set()
    for each in (each for each in decisions if each.split == dataset.split):
        where = each.file or f"row {each.row} of {dataset.split}"
        row = row_of.get(each.file) if each.file else each.row
        if row is None or not 0 <= row < len(dataset):
            raise UserError(f"there is no {where}: {dataset.name} has {len(dataset):,} images in that split")
        if row in decided:
            raise UserError(f"{where} is decided twice")
        decided.add(row)
        given = names[dataset.labels[row]]
        if given != each.label:
            raise UserError(
                f"{where} is labelled {given!r} in {dataset.name}, but {each.label!r} in the decisions:"
                " they are about another set"
            )
        if each.right is None:
            kept[row] = False
        elif each.right not in names:
            raise UserError(f"{each.right!r}, decided for {where}, is no label; one of: {', '.join(names)}")
        else:
            labels[row] = names.index(each.right)
    return replace(dataset, labels=labels).select(np.flatnonzero(kept), split=dataset.split)


def check_name(path: Path) -> None:
    """Raises ArgumentError for the name of a set that doesn't end in .npz."""
    if path.suffix.lower() != ".npz":
        raise ArgumentError(f"{path} is no name for the corrected set; it should end in .npz")


def write(splits: Sequence[Dataset], path: Path) -> None:
    """The splits of a set as one .npz file, which can be loaded as any other; groups are kept."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for each in splits:
        end = "" if each.split == "all" else f"_{each.split}"
        arrays[f"images{end}"] = each.images
        arrays[f"labels{end}"] = np.array(each.label_names)[each.labels]
        if each.groups is not None:
            arrays[f"groups{end}"] = each.groups
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    files.write(path, content.getbuffer())


def _decided(line: dict[str, str]) -> bool:
    return bool((line["decision"] or "").strip())


def _decision(path: Path, number: int, line: dict[str, str]) -> Decision:
    right = line["decision"].strip()
    if not _ROW.fullmatch((line["row"] or "").strip()):
        raise UserError(f"{path} line {number} has the row {line['row']!r}; a whole number was expected")
    return Decision(
        split=line["split"],
        row=int(line["row"]),
        label=line["label"],
        right=None if right == REMOVE else right,
        file=line.get("file") or "",
    )
