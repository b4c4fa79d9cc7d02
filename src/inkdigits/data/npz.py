"""Data sets in NumPy's `.npz` files: images and labels under the names that people give them."""

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from inkdigits.data import arrays
from inkdigits.data.samples import Samples
from inkdigits.errors import UserError

_NAMES = (("images", "labels"), ("x", "y"), ("X", "y"), ("data", "target"))
_DAMAGE = (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error)

Pair = tuple[str, str]


def pairs(path: Path) -> dict[str, Pair]:
    """The image and label arrays of each split: `x_train` and `y_train`, or for "all" `x` and `y`."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            held = set(archive.files)
    except _DAMAGE as error:
        raise UserError(f"{path} can't be read as .npz ({error})") from error
    candidates = {split: _named_for(split) for split in ("train", "validation", "test")} | {"all": _NAMES}
    found = {
        split: pair for split, named in candidates.items() for pair in reversed(named) if set(pair) <= held
    }
    if len(found) > 1:
        found.pop("all", None)
    if not found:
        raise UserError(
            f"{path} holds {', '.join(sorted(held)) or 'nothing'}; it should hold images and labels, "
            "x and y, or x_train, y_train, x_test and y_test"
        )
    return found


def read(path: Path, pair: Pair) -> Samples:
    """Samples of one pair of arrays, with the `groups` beside `labels` where there are any.

    Nothing pickled is ever loaded.
    """
    images, labels = pair
    groups = labels.replace("labels", "groups")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            pictures = _array(archive, images, advice="images as numbers (dtype uint8)", path=path)
            classes = _array(archive, labels, advice="labels as text (dtype str)", path=path)
            sources = None
            if groups != labels and groups in archive.files:
                sources = _array(archive, groups, advice="groups as numbers or text", path=path)
    except _DAMAGE as error:
        raise UserError(f"{path} can't be read as .npz ({error})") from error
    found = arrays.to_samples(pictures, classes, name=str(path))
    if sources is None:
        return found
    if sources.shape != found.labels.shape:
        raise UserError(
            f"{path} has {groups} of the shape {sources.shape}; one for each of the"
            f" {len(found.labels)} labels was expected"
        )
    return replace(found, groups=sources.astype(np.str_))


def _array(archive: NpzFile, name: str, *, advice: str, path: Path) -> arrays.AnyArray:
    try:
        return np.asarray(archive[name])
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise UserError(f"{path} holds objects as {name}: save {advice}, not as objects") from error
        raise


def _named_for(split: str) -> tuple[Pair, ...]:
    after = tuple((f"{images}_{split}", f"{labels}_{split}") for images, labels in _NAMES)
    return after + tuple((f"{split}_{images}", f"{split}_{labels}") for images, labels in _NAMES)
