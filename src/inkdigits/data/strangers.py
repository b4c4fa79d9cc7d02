"""Pictures of what is no digit: clothes, letters, signs, other scripts, blank paper, noise.

Pictures of known sets are made digit images, as whatever is read is; blank paper, which reading refuses
before a model sees it, and noise are shown as they are. Scripts share shapes: in all four of these 0 is a
ring and 4 is written like an 8, Bangla's and Devanagari's 2 and Telugu's 3 are like ours, Bangla's 7 and
Devanagari's 1 like a 9; and a slash is the 1 of many hands. Who takes those for digits isn't all wrong.
"""

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from inkdigits import image
from inkdigits.data import files, known, source, split
from inkdigits.data.known import DIGITS
from inkdigits.data.pinned import FILES
from inkdigits.errors import UserError
from inkdigits.types import SIDE, Dataset, Gray, Images

MOST = 1000
"""Pictures of each kind: every few of a set that has more."""

_SPLIT = "test"
_MOST_SPECKS = 5
_FAINTEST_SPECK = 32


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A kind as the test pictures of a known set with these labels, or with all."""

    kind: str
    source: str
    labels: tuple[str, ...] = ()


_PARTS = (
    _Part(kind="clothes", source="fashion-mnist"),
    _Part(kind="letters w x y z", source="symbols", labels=("w", "x", "y", "z")),
    _Part(kind="signs + − · /", source="symbols", labels=("plus", "minus", "dot", "slash")),
    _Part(kind="Kannada", source="kannada"),
    _Part(kind="Bangla", source="bangla"),
    _Part(kind="Devanagari", source="devanagari"),
    _Part(kind="Telugu", source="telugu"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Strangers:
    """At most `MOST` images of each kind, by name; of each set that is `lacking`, how to get it."""

    kinds: Mapping[str, Images]
    lacking: tuple[str, ...]


def strangers(digits: Dataset, *, learnt: Collection[str] = (), seed: int = 0) -> Strangers:
    """What is no digit of the kind that `digits` shows; the same for the same seed and sets.

    Left out are sets whose names are among `learnt`, which a model rightly knows, and pictures whose label
    `digits` has too, unless it is a digit's. What isn't on this machine is told, and never downloaded.
    """
    kinds: dict[str, Images] = {}
    lacking: list[str] = []
    for name in dict.fromkeys(part.source for part in _PARTS if part.source not in learnt):
        try:
            kinds |= _of_set(_at_hand(name), excluded=set(digits.label_names) - set(DIGITS))
        except UserError as error:
            lacking.append(f"{name} is left out of what is no digit: {error}")
    return Strangers(kinds=kinds | _made(digits.images, seed=seed), lacking=tuple(lacking))


def thinned(images: Images) -> Images:
    """At most `MOST` of them, spread evenly."""
    return images[split.evenly(len(images), MOST)]


def _at_hand(name: str) -> Dataset:
    entry = known.require(name)
    splits = FILES[name]
    if not files.are_at_hand(splits.get(_SPLIT) or splits["all"]):
        has_mirrors = all(file.urls for of_split in splits.values() for file in of_split)
        place = f"get it from {entry.source}, into a folder {name}/ of the one that INKDIGITS_DATA names"
        raise UserError(f"`inkdigits data fetch {name}` brings it" if has_mirrors else place)
    return source.load(name, _SPLIT)


def _of_set(found: Dataset, *, excluded: Collection[str]) -> dict[str, Images]:
    """The kinds that a set has pictures of."""
    names = np.array(found.label_names)[found.labels]
    kinds = {}
    for part in _PARTS:
        if part.source != found.name:
            continue
        wanted = set(part.labels or found.label_names) - set(excluded)
        images = _digit_images(thinned(found.images[np.isin(names, list(wanted))]))
        if len(images):
            kinds[part.kind] = images
    return kinds


def _digit_images(pictures: Images) -> Images:
    """The pictures as reading has them; those that it refuses as blank are left out."""
    found = []
    for picture in pictures:
        with contextlib.suppress(UserError):
            found.append(image.digit(picture))
    return np.array(found, np.uint8).reshape(-1, SIDE, SIDE)


def _made(digits: Images, *, seed: int) -> dict[str, Images]:
    """Blank paper, and three kinds of noise: the first two as Hendrycks and Gimpel, 2017, have them."""
    random = np.random.default_rng(seed)
    shape = (MOST, SIDE, SIDE)
    gaussian = np.clip(random.normal(0.5, 1, shape), 0, 1)
    shuffled = random.permuted(thinned(digits).reshape(-1, SIDE * SIDE), axis=1)
    return {
        "blank, or a few specks": np.array([_specks(random) for _ in range(MOST)]),
        "uniform noise": random.integers(0, 256, shape, dtype=np.uint8),
        "Gaussian noise": (gaussian * 255).round().astype(np.uint8),
        "pixels of digits, shuffled": shuffled.reshape(-1, SIDE, SIDE),
    }


def _specks(random: Generator) -> Gray:
    """A black image with no speck to five of one pixel or two by two."""
    found = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(int(random.integers(_MOST_SPECKS + 1))):
        row, column = random.integers(SIDE, size=2)
        side = int(random.integers(1, 3))
        found[row : row + side, column : column + side] = random.integers(_FAINTEST_SPECK, 256)
    return found
