"""From pictures of any kind to a data set of digit images, keeping count of those that can't be used."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigits import image
from inkdigits.data.known import DIGITS
from inkdigits.errors import UserError
from inkdigits.types import SIDE, Dataset, Gray, Images

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"))
"""The endings, in lower case, of files that are taken for pictures."""

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A picture that can't be used, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Digit images with their labels (and groups, where given) as the source writes them.

    `classes` are all the labels that the source declares, those without images included. `names` says where
    each image is from; it is empty where that is its row.
    """

    images: Images
    labels: NDArray[np.str_]
    groups: NDArray[np.str_] | None = None
    classes: tuple[str, ...] = ()
    broken: tuple[Broken, ...] = ()
    names: tuple[str, ...] = ()


def from_pictures(
    pictures: Sequence[Gray],
    *,
    labels: Sequence[str],
    names: Sequence[str],
    groups: Sequence[str] | None = None,
) -> Samples:
    """Samples of grey pictures of any size and polarity, each made a digit image."""
    is_made = _are_digit_images(pictures)
    makers: list[Callable[[], Gray]] = [
        picture.copy if made else partial(image.digit, picture)
        for picture, made in zip(pictures, is_made, strict=True)
    ]
    return _collect(makers, labels=labels, names=names, groups=groups)


def from_files(
    paths: Sequence[Path],
    *,
    labels: Sequence[str],
    groups: Sequence[str] | None = None,
    classes: tuple[str, ...] = (),
) -> Samples:
    """Samples of picture files, decoded and made digit images; `classes` are those declared, if more."""
    makers = [partial(_from_file, path) for path in paths]
    read = _collect(makers, labels=labels, names=[str(path) for path in paths], groups=groups)
    return replace(read, classes=classes or read.classes)


def to_dataset(samples: Samples, *, name: str, split: str, label_names: tuple[str, ...]) -> Dataset:
    """The usable samples as a data set; raises UserError for a label that is not in `label_names`."""
    position = {label: number for number, label in enumerate(label_names)}
    distinct, which = np.unique(samples.labels, return_inverse=True)
    strange = [str(label) for label in distinct if str(label) not in position]
    if strange:
        raise UserError(
            f"{name} has the label {strange[0]!r} in {split}; the labels are {', '.join(label_names)}"
        )
    numbers = np.array([position[str(label)] for label in distinct], np.int64)
    return Dataset(
        name=name,
        split=split,
        images=samples.images,
        labels=numbers[which],
        label_names=label_names,
        groups=None
        if samples.groups is None
        else np.array([_number(each) for each in samples.groups], np.int64),
    )


def label_names(classes: Iterable[str]) -> tuple[str, ...]:
    """The classes in order; digits are always all ten, so that they agree with every other set of digits."""
    distinct = set(classes)
    if distinct <= set(DIGITS):
        return DIGITS
    by_number = all(each.isdecimal() for each in distinct)
    return tuple(sorted(distinct, key=(lambda each: (int(each), each)) if by_number else None))


def refuse_broken(broken: Sequence[Broken]) -> None:
    """Raises UserError, naming the first few, if there are any."""
    if not broken:
        return
    first = "; ".join(f"{each.file}: {each.reason}" for each in broken[:_SHOWN])
    more = f"; and {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
    raise UserError(f"{len(broken)} of the pictures can't be used ({first}{more}): repair or remove them")


def _number(group: str) -> int:
    """A number for a group that depends on its name alone, so that it is the same in every split."""
    if group.isdecimal() and len(group) < 18:
        return int(group)
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:7])


def _are_digit_images(pictures: Sequence[Gray]) -> NDArray[np.bool_]:
    """Which pictures need nothing done to them, found for all of one size at once, since that is quicker."""
    if {picture.shape for picture in pictures} - {(SIDE, SIDE)} or not len(pictures):
        return np.zeros(len(pictures), np.bool_)
    return image.are_digit_images(np.stack(pictures))


def _from_file(path: Path) -> Gray:
    return image.digit(image.decode(path))


def _collect(
    makers: Sequence[Callable[[], Gray]],
    *,
    labels: Sequence[str],
    names: Sequence[str],
    groups: Sequence[str] | None,
) -> Samples:
    made: list[Gray] = []
    rows: list[int] = []
    broken: list[Broken] = []
    for row, make in enumerate(makers):
        try:
            made.append(make())
            rows.append(row)
        except UserError as error:
            broken.append(Broken(file=names[row], reason=str(error).removeprefix(f"{names[row]} ")))
    return Samples(
        images=np.array(made, np.uint8).reshape(-1, SIDE, SIDE),
        labels=np.array(labels, np.str_)[rows],
        groups=None if groups is None else np.array(groups, np.str_)[rows],
        classes=tuple(dict.fromkeys(labels)),
        broken=tuple(broken),
        names=tuple(names[row] for row in rows),
    )
