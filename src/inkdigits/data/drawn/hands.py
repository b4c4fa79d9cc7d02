"""Hands: whoever writes the digits of one line, all in one style."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inkdigits.data.drawn import glyphs
from inkdigits.data.drawn.glyphs import Source
from inkdigits.types import Gray, Images

_NEIGHBOURS = 8


@dataclass(frozen=True, kw_only=True)
class Hand:
    """The digits that it can write, and how: `write(random, digit, height)` gives ink about so high.

    Where `writes_digits` is false, they are letters, and a line of them says nothing.
    """

    digits: tuple[str, ...]
    write: Callable[[Generator, str, int], Gray]
    writes_digits: bool = True


Hands = Callable[[Generator], Hand]
"""Gives a hand."""


def mixed(hands: Sequence[tuple[float, Hands]]) -> Hands:
    """One of them, each as often as its share says."""
    shares = np.array([share for share, _ in hands])

    def draw(random: Generator) -> Hand:
        return hands[int(random.choice(len(hands), p=shares / shares.sum()))][1](random)

    return draw


def from_images(
    images: Images, labels: Sequence[str], *, writers: NDArray[np.int64] | None = None, n_digits: int = 10
) -> Hands:
    """Digit images enlarged, by one writer where writers are known, all with the same width of stroke.

    Writers with fewer than `n_digits` different digits are left out.
    """
    groups = np.zeros(len(images), np.int64) if writers is None else writers
    by_writer: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, (writer, label) in enumerate(zip(groups.tolist(), labels, strict=True)):
        by_writer[writer][label].append(row)
    able = [rows for rows in by_writer.values() if len(rows) >= n_digits]

    def draw(random: Generator) -> Hand:
        rows = able[int(random.integers(len(able)))]
        style = int(random.integers(1 << 30))

        def write(random: Generator, digit: str, height: int) -> Gray:
            row = rows[digit][int(random.integers(len(rows[digit])))]
            about = round(height * random.uniform(0.9, 1.1))
            return glyphs.redrawn(glyphs.tight(images[row]), np.random.default_rng(style), about)

        return Hand(digits=tuple(sorted(rows)), write=write)

    return draw


def from_ink(writers: Iterable[Mapping[str, Sequence[Gray]]]) -> Hands:
    """Ink of one writer, cut from pages at one scale, so that what was larger stays larger."""
    cut = [dict(writer) for writer in writers]
    full = [float(np.median([len(ink) for inks in writer.values() for ink in inks])) for writer in cut]

    def draw(random: Generator) -> Hand:
        which = int(random.integers(len(cut)))
        inks = cut[which]

        def write(random: Generator, digit: str, height: int) -> Gray:
            ink = inks[digit][int(random.integers(len(inks[digit])))]
            scale = height / full[which]
            size = (max(2, round(ink.shape[1] * scale)), max(2, round(ink.shape[0] * scale)))
            return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), np.uint8)

        return Hand(digits=tuple(sorted(inks)), write=write)

    return draw


def from_pen(points: NDArray[np.generic], labels: Sequence[str]) -> Hands:
    """Pen strokes with one pen; rows that follow each other are of one writer. See `glyphs.from_pen`."""
    of_digit = {digit: np.flatnonzero(np.array(labels) == digit) for digit in sorted(set(labels))}

    def draw(random: Generator) -> Hand:
        around = int(random.integers(len(points)))
        aspect, pen = random.uniform(0.5, 0.95), random.uniform(0.04, 0.15)

        def write(random: Generator, digit: str, height: int) -> Gray:
            rows = of_digit[digit]
            near = np.searchsorted(rows, around) + random.integers(-_NEIGHBOURS, _NEIGHBOURS + 1)
            row = rows[int(np.clip(near, 0, len(rows) - 1))]
            lines = glyphs.lifted(points[row].astype(np.float64), digit)
            return glyphs.inked(lines, aspect, height, max(1, round(pen * height)))

        return Hand(digits=tuple(of_digit), write=write)

    return draw


def from_fonts(fonts: Sequence[Path], digits: str = "0123456789", *, writes_digits: bool = True) -> Hands:
    """Set in one font."""

    def draw(random: Generator) -> Hand:
        font = fonts[int(random.integers(len(fonts)))]

        def write(random: Generator, digit: str, height: int) -> Gray:
            return glyphs.from_fonts([font], [digit])(random, height).ink

        able = tuple(digit for digit in digits if glyphs.has(font, digit))
        return Hand(digits=able, write=write, writes_digits=writes_digits)

    return draw


def from_scraps(scraps: Source) -> Hands:
    """What is no digit, in a row."""

    def write(random: Generator, _digit: str, height: int) -> Gray:
        return scraps(random, height).ink

    hand = Hand(digits=("",), write=write, writes_digits=False)
    return lambda _random: hand
