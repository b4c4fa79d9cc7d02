"""Data that is taken as it comes: what can't be used is left out, and said."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from inkdigits import data, weights
from inkdigits.data import known, own, source
from inkdigits.data.samples import Broken
from inkdigits.errors import UserError
from inkdigits.types import Dataset, Images

Screen = Callable[[Images], list[int]]
"""Which of some images, each of which should show one digit, show several: their rows."""


class Usable:
    """Loads what can be used, and remembers what can't, each split once; what is known can be used."""

    def __init__(self, screen: Screen = lambda _images: []) -> None:
        self._screen = screen
        self._read: dict[tuple[str, str], tuple[Dataset, tuple[Broken, ...]]] = {}

    @property
    def refused(self) -> tuple[Broken, ...]:
        """What can't be used, and why."""
        return tuple(each for _, broken in self._read.values() for each in broken)

    def __call__(self, name: str, split_name: str) -> Dataset:
        """One split of a known set or of the data at a path. Raises UserError where nothing can be used."""
        if (name, split_name) not in self._read:
            self._read[name, split_name] = self._usable(name, split_name)
        return self._read[name, split_name][0]

    def _usable(self, name: str, split_name: str) -> tuple[Dataset, tuple[Broken, ...]]:
        if known.find(name) is not None or Path(name) == weights.FOLDER / weights.OLD:
            return data.load(name, split_name), ()
        found = own.survey(source.path(name), split_name)
        labels = [found.dataset.label_names[label] for label in found.dataset.labels.tolist()]
        of_digits = [row for row, label in enumerate(labels) if label in known.DIGITS]
        several = {of_digits[row] for row in self._screen(found.dataset.images[of_digits])}
        broken = found.broken + tuple(
            Broken(file=found.names[row], reason="shows several digits") for row in sorted(several)
        )
        rows = np.array([row for row in range(len(found.dataset)) if row not in several], np.int64)
        if not len(rows):
            why = f"{broken[0].file}: {broken[0].reason}" if broken else "it is empty"
            raise UserError(f"{name} has no picture in {split_name} that can be used ({why})")
        return found.dataset.select(rows, split=split_name), broken
