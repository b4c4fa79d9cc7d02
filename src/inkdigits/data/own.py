"""Anyone's own data: a folder per label, a folder with `labels.csv`, idx files, `.npz`, `.csv`.

Sub-folders `train`, `validation` and `test`, idx files and arrays of such names are the splits; a source
without them has one, "all". The training split's labels are the set's labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from inkdigits.data import idx, listing, npz, samples, tables
from inkdigits.data.samples import Broken, Samples
from inkdigits.errors import ArgumentError, UserError
from inkdigits.types import Dataset

_TABLE = "labels.csv"
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One split at a path: how to read it, and how to learn which labels it declares."""

    read: Callable[[], Samples]
    classes: Callable[[], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Survey:
    """The usable images of a split, where each is from, and those that can't be used."""

    dataset: Dataset
    names: tuple[str, ...]
    broken: tuple[Broken, ...]


def load(source: Path, split: str) -> Dataset:
    """One split of the data at a path; raises UserError for what can't be used."""
    found = parts(source)
    read = _part_of(source, found, split).read()
    samples.refuse_broken(read.broken)
    empty = set(read.classes) - set(read.labels.tolist())
    if empty:
        raise UserError(f"the class {min(empty)!r} in {source} has no images: add some, or remove its folder")
    return samples.to_dataset(read, name=source.name, split=split, label_names=label_names(found))


def survey(source: Path, split: str) -> Survey:
    """The same without what can't be used, and that."""
    found = parts(source)
    read = _part_of(source, found, split).read()
    dataset = samples.to_dataset(read, name=source.name, split=split, label_names=label_names(found))
    names = read.names or tuple(f"{source} row {row}" for row in range(len(dataset)))
    return Survey(dataset=dataset, names=names, broken=read.broken)


def label_names(found: dict[str, Part]) -> tuple[str, ...]:
    """The labels of a source with these splits: what its training split, or its only one, declares."""
    reference = found.get("train") or next(iter(found.values()))
    return samples.label_names(reference.classes())


def parts(source: Path) -> dict[str, Part]:
    """The splits at a path, by name. Raises UserError if there is no data in a known form."""
    if source.is_dir():
        return _in_folder(source)
    if not source.exists():
        raise UserError(f"there is no {source}: name a folder or a file that exists")
    if source.suffix == ".npz":
        return {split: _part(partial(npz.read, source, pair)) for split, pair in npz.pairs(source).items()}
    if source.suffix == ".csv":
        return {"all": _part(partial(tables.read_pixels, source))}
    if "idx" in source.name:
        return {"all": _part(partial(idx.read, source))}
    raise UserError(f"{source} is no data set; it should be a folder, an idx file, .npz or .csv")


def _part_of(source: Path, found: dict[str, Part], split: str) -> Part:
    if split not in found:
        raise ArgumentError(f"{source} has no split {split!r}; one of: {', '.join(found)}")
    return found[split]


def _part(read: Callable[[], Samples]) -> Part:
    """A split whose labels are known only when it has been read, which happens once."""
    read = cache(read)
    return Part(read=read, classes=lambda: read().classes)


def _in_folder(folder: Path) -> dict[str, Part]:
    named = _split_folders(folder)
    if named:
        _refuse_data_beside(folder, named)
        return {split: _without_splits(named[split]) for split in _SPLITS if split in named}
    pairs = idx.pairs(folder)
    return {split: _part(partial(idx.read, path)) for split, path in pairs.items()} or {
        "all": _without_splits(folder)
    }


def _split_folders(folder: Path) -> dict[str, Path]:
    """The sub-folder of each split that has one; UserError where two are for the same."""
    named: dict[str, Path] = {}
    for path in listing.sub_folders(folder):
        split = idx.SPLIT_OF_WORD.get(path.name.lower())
        if split in named:
            raise UserError(
                f"{folder} holds {named[split].name} and {path.name}, both for the split {split}: "
                "put them into one folder"
            )
        if split is not None:
            named[split] = path
    return named


def _refuse_data_beside(folder: Path, named: dict[str, Path]) -> None:
    """Raises UserError for images that would be left out silently because there are folders of splits."""
    others = [path for path in listing.sub_folders(folder) if path not in named.values()]
    beside = [path for path in others if _pictures(path)] + idx.image_files(folder)
    beside += [path for path in listing.files(folder) if path.name == _TABLE]
    if beside:
        raise UserError(
            f"{folder} holds {beside[0].name} beside splits: move it into one of "
            f"{', '.join(path.name for path in named.values())}, or elsewhere"
        )


def _without_splits(folder: Path) -> Part:
    """A folder with a table of labels, a pair of idx files, or one sub-folder for each label."""
    table = folder / _TABLE
    if table in listing.files(folder):
        return _part(partial(tables.read_list, table))
    pairs = list(idx.pairs(folder).values())
    if len(pairs) > 1:
        raise UserError(f"{folder} holds {len(pairs)} pairs of idx files; it should hold one")
    if pairs:
        return _part(partial(idx.read, pairs[0]))
    return Part(
        read=partial(_read_classes, folder),
        classes=lambda: tuple(path.name for path in listing.sub_folders(folder)),
    )


def _read_classes(folder: Path) -> Samples:
    """Samples of one sub-folder for each label."""
    classes = listing.sub_folders(folder)
    files = [(path, each.name) for each in classes for path in _pictures(each)]
    if not files:
        raise UserError(
            f"{folder} holds no images; it should hold one sub-folder for each label with PNG, JPEG, WebP, "
            "BMP or TIFF files, or labels.csv, or idx files"
        )
    return samples.from_files(
        [path for path, _ in files],
        labels=[label for _, label in files],
        classes=tuple(each.name for each in classes),
    )


def _pictures(folder: Path) -> list[Path]:
    return [path for path in listing.files(folder) if path.suffix.lower() in samples.PICTURES]
