"""Pinned files as bytes: from the cache in a few milliseconds, from their sources the first time."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import cache, local
from inkdigits.data.pinned import File
from inkdigits.errors import UserError


def read(file: File) -> NDArray[np.uint8]:
    """The file's verified content, uint8 (bytes,) and writable; UserError if no source has it."""
    found = cache.read(file)
    return _obtain(file, online=True) if found is None else found


def are_at_hand(wanted: Iterable[File]) -> bool:
    """Whether all those files are on this machine, in the cache or a folder, and whole."""
    return all(read_if_at_hand(file, online=False) is not None for file in wanted)


def read_if_at_hand(file: File, *, online: bool) -> NDArray[np.uint8] | None:
    """The same, or None where it can't be had; with `online` false only this machine is searched."""
    found = cache.read(file)
    if found is not None or not (online or local.find(file)):
        return found
    try:
        return _obtain(file, online=online)
    except UserError:
        return None


def _obtain(file: File, *, online: bool) -> NDArray[np.uint8]:
    # Here, since network, locks and bars cost a tenth of a second to import, and a cached set needs none.
    from inkdigits.data import obtain, progress  # noqa: PLC0415

    with progress.bars() as report:
        return obtain.content(file, progress=report, online=online)
