"""The known sets that come as picture files: symbols, sudoku cells, boxes on cheques; and lines and pages."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from inkdigits import image
from inkdigits.data import files, local, samples, unpack
from inkdigits.data.known import Entry
from inkdigits.data.pinned import FILES
from inkdigits.data.samples import Samples
from inkdigits.errors import UserError
from inkdigits.types import SIDE, Dataset, Gray

_SYMBOLS_TEST = 1200
_LONGEST_TAR = 1 << 28
_PARTS = 5


def load(entry: Entry, split: str) -> Dataset:
    """One split, every picture made a digit image."""
    read = _READERS[entry.name](entry, split)
    samples.refuse_broken(read.broken)
    return samples.to_dataset(read, name=entry.name, split=split, label_names=entry.label_names)


def is_in(split: str, name: str) -> bool:
    """Whether a file of that name is in that split: by the hash of its name, a fifth is test."""
    is_test = hashlib.sha256(name.encode()).digest()[0] % _PARTS == 0
    return is_test == (split == "test")


def _symbols(entry: Entry, split: str) -> Samples:
    """A tar of PNG files named LABEL-NUMBER.png, roughly in the order of writers: from 1200 up is test."""
    content = files.read(FILES[entry.name]["all"][0]).tobytes()
    # All at once, since going back and forth in a compressed tar starts again at its beginning each time.
    plain = unpack.gunzip(content, limit=_LONGEST_TAR, name=entry.name)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        named = {
            Path(member.name).stem: member for member in archive.getmembers() if member.name.endswith(".png")
        }
        chosen = sorted(
            stem for stem in named if (int(stem.rpartition("-")[2]) >= _SYMBOLS_TEST) == (split == "test")
        )
        pictures = [_member(archive, named[stem]) for stem in chosen]
    return samples.from_pictures(pictures, labels=[stem.rpartition("-")[0] for stem in chosen], names=chosen)


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Gray:
    opened = archive.extractfile(member)
    return image.decode(opened.read() if opened else b"", name=member.name)


def _cells(entry: Entry, split: str) -> Samples:
    """A folder for each class; a cell without any ink, as most of the class "blank", is a black image."""
    folder = local.folder(entry)
    paths = [path for label in entry.label_names for path in sorted((folder / label).glob("*.jpg"))]
    chosen = [path for path in paths if is_in(split, path.name)]
    images = [_digit_or_black(image.decode(path)) for path in chosen]
    return Samples(
        images=np.array(images, np.uint8).reshape(-1, SIDE, SIDE),
        labels=np.array([path.parent.name for path in chosen], np.str_),
        classes=entry.label_names,
    )


def _digit_or_black(picture: Gray) -> Gray:
    try:
        return image.digit(picture)
    except UserError:
        return np.zeros((SIDE, SIDE), np.uint8)


def _cheques(entry: Entry, split: str) -> Samples:
    """Every labelled box of the split's cheques; a cheque's digits are one group."""
    folder = local.folder(entry)
    pictures, labels, names, groups = [], [], [], []
    for cheque in json.loads((folder / "labels.json").read_text(encoding="utf-8")):
        if not is_in(split, cheque["file"]):
            continue
        picture = image.decode(folder / cheque["file"])
        for at, (label, box) in enumerate(zip(cheque["number"], cheque["boxes"], strict=True)):
            pictures.append(_crop(picture, box))
            labels.append(label)
            names.append(f"{cheque['file']} box {at}")
            groups.append(cheque["file"])
    return samples.from_pictures(pictures, labels=labels, names=names, groups=groups)


def _crop(picture: Gray, box: list[int]) -> Gray:
    x, y, width, height = box
    return picture[max(y, 0) : y + height, max(x, 0) : x + width]


_READERS: dict[str, Callable[[Entry, str], Samples]] = {
    "symbols": _symbols,
    "cells": _cells,
    "cheque-amounts": _cheques,
}
