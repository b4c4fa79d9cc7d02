"""Paper to draw on: plain, shaded, ruled, squared, boxed, with a security print."""

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Sheet = NDArray[np.float32]
"""How bright paper is: float32 (height, width), about 0 to 255."""


ON_DIGITS = (0.2, 0.16, 0.16, 0.08)
"""How often the paper of a single digit has rules, squares, a box, a security print; else it is plain."""


def paper(shape: tuple[int, int], random: Generator, *, shares: Sequence[float] = ON_DIGITS) -> Sheet:
    """A sheet of some kind, in some light; `shares` as those of `ON_DIGITS`."""
    sheet = np.full(shape, random.uniform(120, 255), np.float32)
    _print_on(sheet, random, shares)
    return _lit(sheet, random)


def security_print(sheet: Sheet, random: Generator) -> None:
    """Fine waves, as cheques have them."""
    down, across = np.mgrid[: sheet.shape[0], : sheet.shape[1]].astype(np.float32)
    swing = random.uniform(1, 6) * np.sin(across * random.uniform(0.02, 0.15) + random.uniform(0, 6))
    lines = np.sin(random.uniform(0.15, 1.0) * (down + swing + random.uniform(-0.5, 0.5) * across))
    sheet -= np.float32(random.uniform(5, 35)) * (lines > random.uniform(0.0, 0.6))


def _lit(sheet: Sheet, random: Generator) -> Sheet:
    """Light from one side, waves in the paper, the edge of a shadow: each at times."""
    height, width = sheet.shape
    down, across = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j].astype(np.float32)
    if random.random() < 0.6:
        sheet = sheet * (1 + random.uniform(0, 0.35) * _along(random, across, down))
    if random.random() < 0.3:
        waves = random.normal(0, 1, (4, 4)).astype(np.float32)
        sheet = sheet * (1 + 0.07 * cv2.resize(waves, (width, height), interpolation=cv2.INTER_CUBIC))
    if random.random() < 0.15:
        inside = _along(random, across, down) - random.uniform(-0.4, 0.4)
        sheet = sheet * (1 - random.uniform(0.1, 0.5) / (1 + np.exp(-inside * random.uniform(10, 60))))
    return np.asarray(sheet, np.float32)


def _along(random: Generator, across: Sheet, down: Sheet) -> Sheet:
    """How far each pixel lies in some direction, −0.7 to 0.7."""
    angle = random.uniform(0, 2 * math.pi)
    return np.asarray(math.cos(angle) * across + math.sin(angle) * down, np.float32)


def _print_on(sheet: Sheet, random: Generator, shares: Sequence[float]) -> None:
    kinds: list[Callable[[Sheet, Generator], None]] = [_rules, _squares, _box, security_print]
    chosen = random.random()
    for bound, kind in zip(np.cumsum(shares), kinds, strict=True):
        if chosen < bound:
            kind(sheet, random)
            return


def _rules(sheet: Sheet, random: Generator) -> None:
    length = min(sheet.shape)
    spacing = random.uniform(0.35, 1.1) * length
    _lines(sheet, random, np.arange(random.uniform(-spacing, 0), sheet.shape[0] + spacing, spacing), [])


def _squares(sheet: Sheet, random: Generator) -> None:
    spacing = random.uniform(0.25, 0.7) * min(sheet.shape)
    at = np.arange(random.uniform(-spacing, 0), max(sheet.shape) + spacing, spacing)
    _lines(sheet, random, at, at)


def _box(sheet: Sheet, random: Generator) -> None:
    height, width = sheet.shape
    inset = random.uniform(-0.02, 0.12, 4) * min(sheet.shape)
    _lines(sheet, random, [inset[0], height - inset[1]], [inset[2], width - inset[3]], bold=16)


def _lines(
    sheet: Sheet,
    random: Generator,
    rows: NDArray[np.float64] | list[float],
    columns: NDArray[np.float64] | list[float],
    *,
    bold: int = 50,
) -> None:
    """Lines across at those rows and down at those columns, turned a little."""
    height, width = sheet.shape
    dark = float(sheet.mean() * random.uniform(0.3, 0.92))
    pen = int(random.integers(1, max(2, min(sheet.shape) // bold) + 1))
    tilt = random.uniform(-0.06, 0.06)
    for row in rows:
        cv2.line(sheet, (0, round(row)), (width, round(row + tilt * width)), dark, pen, cv2.LINE_AA)
    for column in columns:
        cv2.line(sheet, (round(column), 0), (round(column - tilt * height), height), dark, pen, cv2.LINE_AA)
