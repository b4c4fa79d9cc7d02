"""What is no digit: letters, signs, several digits, scribbles, scraps of boxes, crossings-out."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from inkdigits.card import NONE
from inkdigits.data.drawn.glyphs import Glyph, Source, curve, tight
from inkdigits.types import Gray

UNLIKE_DIGITS = "ACDEFGHJKLMNPQRTUVWXYabcdefhkmnprtuvwxyÄÖ?!&@#%*+=<>/()[]{}$€~^:;,.-_\"'"
"""Letters and signs that nobody takes for a digit: no O, I, l, S, Z, B, g, q."""


def several(digits: Source) -> Source:
    """Two digits side by side or three, touching, overlapping or apart."""

    def draw(random: Generator, length: int) -> Glyph:
        n = 3 if random.random() < 0.25 else 2
        inks = [digits(random, round(length * random.uniform(0.8, 1.0))).ink for _ in range(n)]
        return Glyph(ink=_beside(inks, round(random.uniform(-0.12, 0.7) * length), random), label=NONE)

    return draw


def crossed_out(digits: Source) -> Source:
    """A digit under three strokes or more."""

    def draw(random: Generator, length: int) -> Glyph:
        ink = digits(random, length).ink.copy()
        height, width = ink.shape
        for _ in range(int(random.integers(3, 7))):
            start = (round(random.uniform(-0.1, 0.3) * width), round(random.uniform(0, height)))
            end = (round(random.uniform(0.7, 1.1) * width), round(random.uniform(0, height)))
            cv2.line(ink, start, end, 255, max(2, round(random.uniform(0.05, 0.1) * length)), cv2.LINE_AA)
        return Glyph(ink=ink, label=NONE)

    return draw


def scribble(random: Generator, length: int) -> Glyph:
    """One to three smooth lines through random points."""
    shape = (length + 20, length + 20)
    lines = [
        curve(
            random.uniform(0.05, 0.95, (int(random.integers(3, 12)), 2)) * length + 10,
            pen=max(1, round(random.uniform(0.03, 0.12) * length)),
            shape=shape,
        )
        for _ in range(int(random.integers(1, 4)))
    ]
    return Glyph(ink=tight(np.max(lines, axis=0)), label=NONE)


def scrap(random: Generator, length: int) -> Glyph:
    """A box, crossing lines, or a blot: what is left of forms."""
    ink = np.zeros((length, length), np.uint8)
    pen = max(1, round(random.uniform(0.03, 0.15) * length))
    kind = random.random()
    if kind < 0.35:
        corner = (round(0.9 * length), round(random.uniform(0.5, 0.9) * length))
        cv2.rectangle(ink, (round(0.1 * length), round(0.1 * length)), corner, 255, pen)
    elif kind < 0.75:
        _crossing(ink, random, pen)
    else:
        cv2.circle(ink, (length // 2, length // 2), round(random.uniform(0.05, 0.4) * length), 255, -1)
    return Glyph(ink=tight(ink), label=NONE)


def _crossing(ink: Gray, random: Generator, pen: int) -> None:
    """Two lines, the one level or nearly so: a lone steep one would be a 1."""
    length = len(ink)
    for angle in (random.uniform(-0.3, 0.3), random.uniform(0.5, 2.6)):
        x, y = length / 2 + random.uniform(-0.2, 0.2, 2) * length
        across, down = 0.45 * length * math.cos(angle), 0.45 * length * math.sin(angle)
        start, end = (round(x - across), round(y - down)), (round(x + across), round(y + down))
        cv2.line(ink, start, end, 255, pen, cv2.LINE_AA)


def _beside(inks: Sequence[Gray], gap: int, random: Generator) -> Gray:
    height = max(len(ink) for ink in inks)
    sheet = np.zeros((height, sum(ink.shape[1] + abs(gap) for ink in inks) + 1), np.uint8)
    x = 0
    for ink in inks:
        y = int(random.integers(0, height - len(ink) + 1))
        place = sheet[y : y + len(ink), x : x + ink.shape[1]]
        np.maximum(place, ink[:, : place.shape[1]], out=place)
        x = max(0, x + ink.shape[1] + gap)
    return tight(sheet)
