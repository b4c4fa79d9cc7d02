"""The known sets that come as idx files of digit images: MNIST, Fashion-MNIST, Kannada-MNIST."""

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import cache, files, idx_format
from inkdigits.data.known import Entry
from inkdigits.data.pinned import FILES, File
from inkdigits.types import Dataset


def load(entry: Entry, split: str) -> Dataset:
    """One split, as published; its groups are the writers where the table of writers is at hand."""
    images, labels, *writers = FILES[entry.name][split]
    first_time = not cache.path(images).exists()
    pixels = idx_format.parse(files.read(images), name=images.name)
    classes = idx_format.parse(files.read(labels), name=labels.name)
    return Dataset(
        name=entry.name,
        split=split,
        images=pixels,
        labels=classes.astype(np.int64),
        label_names=entry.label_names,
        groups=_groups(writers[0], online=first_time) if writers else None,
    )


def _groups(writers: File, *, online: bool) -> NDArray[np.int64] | None:
    content = files.read_if_at_hand(writers, online=online)
    return None if content is None else content.view("<u2").astype(np.int64)
