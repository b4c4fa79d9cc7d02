"""What is in a data set: counts, hashes, broken files, duplicates, and a picture of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inkdigits.data import digest, duplicates, known, own, pages, sheet, source
from inkdigits.data.duplicates import Duplicates
from inkdigits.data.known import Entry
from inkdigits.data.samples import Broken
from inkdigits.types import Dataset

_PICTURES_SHOWN = 16


@dataclass(frozen=True, kw_only=True)
class SplitInfo:
    """One split: how many images (for lines and pages: digits) of each class, and what identifies them.

    `sha256` is of the split's content; None for lines and pages.
    """

    split: str
    n: int
    counts: dict[str, int]
    empty_classes: tuple[str, ...]
    n_groups: int | None
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class Info:
    """A data set; `known` is its catalogue entry, None for anyone's own."""

    source: str
    known: Entry | None
    splits: tuple[SplitInfo, ...]
    broken: tuple[Broken, ...]
    duplicates: Duplicates | None


def info(name: str) -> Info:
    """What is in a known set or at a path; broken pictures and empty classes are reported, not refused."""
    entry = known.find(name)
    if entry is not None and entry.kind != "digit images":
        return Info(source=name, known=entry, splits=(_of_pages(entry),), broken=(), duplicates=None)
    datasets, broken = survey(name)
    return Info(
        source=name,
        known=entry,
        splits=tuple(_of_split(dataset) for dataset in datasets),
        broken=broken,
        duplicates=duplicates.find(datasets),
    )


def contact_sheet(name: str, path: Path) -> None:
    """A PNG of a known set or the data at a path: its classes row by row, or some of its lines or pages."""
    sheet.check_name(path)
    entry = known.find(name)
    if entry is not None and entry.kind != "digit images":
        pictures = pages.load(entry)
        sheet.of_pictures([each.file for each in pictures[:: -(-len(pictures) // _PICTURES_SHOWN)]], path)
        return
    sheet.of_datasets(survey(name)[0], path)


def survey(name: str) -> tuple[tuple[Dataset, ...], tuple[Broken, ...]]:
    """Every split of a known set or of the data at a path, and the pictures that had to be left out."""
    if known.find(name) is not None:
        return tuple(source.load(name, split) for split in source.splits(name)), ()
    read = [own.survey(source.path(name), split) for split in source.splits(name)]
    return tuple(each.dataset for each in read), tuple(broken for each in read for broken in each.broken)


def _of_split(dataset: Dataset) -> SplitInfo:
    counts = np.bincount(dataset.labels, minlength=len(dataset.label_names)).tolist()
    return SplitInfo(
        split=dataset.split,
        n=len(dataset),
        counts=dict(zip(dataset.label_names, counts, strict=True)),
        empty_classes=_empty(zip(dataset.label_names, counts, strict=True)),
        n_groups=None if dataset.groups is None else len(np.unique(dataset.groups)),
        sha256=digest.sha256(dataset),
    )


def _of_pages(entry: Entry) -> SplitInfo:
    pictures = pages.load(entry)
    found = Counter(digit for picture in pictures for digit in picture.digits)
    counts = {label: found[label] for label in entry.label_names}
    writers = {picture.writer for picture in pictures if picture.writer is not None}
    return SplitInfo(
        split="all",
        n=len(pictures),
        counts=counts,
        empty_classes=_empty(counts.items()),
        n_groups=len(writers) or None,
        sha256=None,
    )


def _empty(counts: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    return tuple(label for label, count in counts if not count)
