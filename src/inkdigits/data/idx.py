"""Data sets in idx files: an image file and a label file that belong together."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import arrays, idx_format, listing, unpack
from inkdigits.data.samples import Samples
from inkdigits.errors import UserError

SPLIT_OF_WORD = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
    "t10k": "test",
}
"""What the names of files and folders call the splits."""

_MOST_BYTES = 4 << 30


def pairs(folder: Path) -> dict[str, Path]:
    """The image file of each split in a folder, by the word for it in the name; "all" without such a word.

    Raises UserError where two files are for one split, or one for no split is beside others.
    """
    found: dict[str, Path] = {}
    for path in image_files(folder):
        split = _split_of(path)
        if split in found:
            raise UserError(
                f"{folder} holds {found[split].name} and {path.name}, both for the split {split}: "
                "keep each set in a folder of its own"
            )
        found[split] = path
    if len(found) > 1 and "all" in found:
        raise UserError(
            f"{folder} holds {found['all'].name} beside splits: put train, validation or test into its name, "
            "or move it elsewhere"
        )
    return found


def image_files(folder: Path) -> list[Path]:
    """The idx files of images in a folder; of one that is there compressed too, the plain one."""
    found = [path for path in listing.files(folder) if "idx3" in path.name]
    return [path for path in found if path.suffix != ".gz" or path.with_suffix("") not in found]


def read(path: Path) -> Samples:
    """Samples of a pair of idx files, given either."""
    images, labels = _pair(path)
    pictures, classes = _array(images), _array(labels)
    return arrays.to_samples(pictures, classes, name=str(images))


def _split_of(path: Path) -> str:
    """The last word counts, since it is before it that sets have their names: `new-test-train-images`."""
    words = re.split(r"[\W_]+", path.name.lower())
    return next((SPLIT_OF_WORD[word] for word in reversed(words) if word in SPLIT_OF_WORD), "all")


def _pair(path: Path) -> tuple[Path, Path]:
    """The image file and the label file, compressed or not, whichever is there."""
    images = path.with_name(path.name.replace("labels", "images").replace("idx1", "idx3"))
    labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    found = (_either(images), _either(labels))
    missing = next((each for each in found if not each.is_file()), None)
    if missing is not None:
        raise UserError(
            f"there is no {missing}, which belongs to {path.name}: idx images and labels come in pairs"
        )
    return found


def _either(path: Path) -> Path:
    other = path.with_suffix("") if path.suffix == ".gz" else path.with_name(f"{path.name}.gz")
    return other if other.is_file() and not path.is_file() else path


def _array(path: Path) -> NDArray[np.uint8]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror})") from error
    plain = (
        unpack.gunzip(content, limit=_MOST_BYTES, name=str(path)) if content[:2] == b"\x1f\x8b" else content
    )
    return idx_format.parse(np.frombuffer(bytearray(plain), np.uint8), name=str(path))
