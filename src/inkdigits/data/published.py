"""The known sets that come as arrays or text but not as digit images: USPS, CMATERdb, Semeion, Pendigits."""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import arrays, files, samples, strokes
from inkdigits.data.known import Entry
from inkdigits.data.pinned import FILES
from inkdigits.types import Dataset, Images

_USPS_SIDE = 16
_PENDIGITS_TRAIN = 7494
_MARGIN = 4

Pictures = tuple[Images, NDArray[np.int64]]


def load(entry: Entry, split: str) -> Dataset:
    """One split, every picture made a digit image."""
    pictures, labels = _READERS[entry.name](entry.name, split)
    names = [f"{entry.name} {split} row {row}" for row in range(len(labels))]
    made = samples.from_pictures(list(pictures), labels=labels.astype(np.str_).tolist(), names=names)
    samples.refuse_broken(made.broken)
    return samples.to_dataset(made, name=entry.name, split=split, label_names=entry.label_names)


def _usps(name: str, split: str) -> Pictures:
    """Lines of a label and 16×16 values from −1 (paper) to 1 (ink)."""
    content = files.read(FILES[name][split][0])
    table = np.array(content.tobytes().split(), np.float32).reshape(-1, 1 + _USPS_SIDE**2)
    pictures = arrays.to_grey(table[:, 1:], name=name)
    return _on_black(pictures), table[:, 0].astype(np.int64)


def _numerals(name: str, split: str) -> Pictures:
    """Pictures 32×32 in RGB."""
    held = _archive(name, split)
    return arrays.to_grey(held["images"], name=name), held["labels"].astype(np.int64)


def _semeion(name: str, split: str) -> Pictures:
    """Pictures 16×16 of two levels, ink bright, that fill their frame."""
    held = _archive(name, split)
    return _on_black(arrays.to_grey(held["images"], name=name)), held["labels"].astype(np.int64)


def _pendigits(name: str, split: str) -> Pictures:
    """Eight pen points a digit; the first 7,494 rows are the published training part."""
    held = _archive(name, "all")
    rows = slice(_PENDIGITS_TRAIN) if split == "train" else slice(_PENDIGITS_TRAIN, None)
    return strokes.draw(held["points"][rows]), held["labels"][rows].astype(np.int64)


def _archive(name: str, split: str) -> dict[str, NDArray[np.generic]]:
    content = files.read(FILES[name][split][0])
    with np.load(io.BytesIO(content.tobytes()), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def _on_black(pictures: Images) -> Images:
    """A black margin, which says what is paper where the ink fills the frame."""
    return np.pad(pictures, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)))


_READERS: dict[str, Callable[[str, str], Pictures]] = {
    "usps": _usps,
    "bangla": _numerals,
    "devanagari": _numerals,
    "telugu": _numerals,
    "semeion": _semeion,
    "pendigits": _pendigits,
}
