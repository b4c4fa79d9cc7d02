"""Data sets in idx files: an image file and a label file that belong together."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import arrays, idx_format, unpack
from inkdigits.data.samples import Samples
from inkdigits.errors import UserError

_SPLIT_OF_FILE = {
    "train": "train",
    "t10k": "test",
    "test": "test",
    "validation": "validation",
    "val": "validation",
}
_MOST_BYTES = 4 << 30


def pairs(folder: Path) -> dict[str, Path]:
    """The image file of each split in a folder, by the first word of its name; "all" for other names."""
    images = sorted(path for path in folder.iterdir() if "idx3" in path.name and path.is_file())
    return {_SPLIT_OF_FILE.get(path.name.split("-")[0].lower(), "all"): path for path in images}


def read(path: Path) -> Samples:
    """Samples of a pair of idx files, given either."""
    images, labels = _pair(path)
    pictures, classes = _array(images), _array(labels)
    return arrays.to_samples(pictures, classes, name=str(images))


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
