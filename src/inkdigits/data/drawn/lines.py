"""Lines of digits, drawn: as one hand writes them, touching or apart, in boxes, on paper, through a lens."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from inkdigits.data.drawn import glyphs, paper, photos
from inkdigits.data.drawn.glyphs import Source
from inkdigits.data.drawn.hands import Hand, Hands
from inkdigits.types import Gray

LONGEST = 12
"""Digits on a line, at most."""

SMALLEST, LARGEST = 14.0, 70.0
"""How high digits are in the picture, in pixels, about."""

_CLIMB = 0.12
_MOST_COVERED = 0.35
_INKED, _LEAST_INKED, _TRIES = 100, 0.8, 5
_LENGTHS = (0.06, 0.06, 0.09, 0.1, 0.12, 0.12, 0.1, 0.1, 0.07, 0.09, 0.05, 0.04)
_PRINTS = (0.15, 0.06, 0.08, 0.08)
_GAPS = (
    (-0.2, 0.07),
    (-0.12, 0.12),
    (-0.06, 0.18),
    (0.0, 0.18),
    (0.06, 0.18),
    (0.15, 0.13),
    (0.3, 0.07),
    (0.6, 0.04),
    (1.0, 0.03),
)


@dataclass(frozen=True, kw_only=True)
class DrawnLine:
    """A picture of a line, uint8, and the digits on it.

    `cuts` are where it may be cut between two digits: how many stand before, and the column. `columns` are
    the first of a drawn line's digits and the one behind them, where that is known.
    """

    picture: Gray
    text: str
    cuts: tuple[tuple[int, int], ...] = ()
    columns: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class _Style:
    """How a hand writes this line: in pixels but for `slant`, `width` and `size` (shares) and `angle`."""

    height: int
    slant: float
    angle: float
    width: float
    gap: float
    unrest: float
    size: float
    climb: float


def draw(hands: Hands, signs: Source, random: Generator) -> DrawnLine:
    """A line of 1 to 12 digits; `signs` are what may stand before or behind a number and is none."""
    hand = hands(random)
    written = _text(hand.digits, random)
    ink, height, columns = _written(hand, written, signs, random)
    if random.random() < 0.4:
        ink = _climbing(ink, random.uniform(-_CLIMB, _CLIMB))
    sheet = paper.paper(ink.shape, random, shares=_PRINTS)
    if random.random() < 0.22:
        paper.security_print(sheet, random)
    if random.random() < 0.15:
        _rule(sheet, random)
    scale = random.uniform(SMALLEST, LARGEST) / height
    picture = photos.developed(ink, sheet, random, length=2 * height, scale=scale)
    first, end = (column * picture.shape[1] / ink.shape[1] for column in columns)
    text = "".join(written) if hand.writes_digits else ""
    return DrawnLine(picture=picture, text=text, columns=(first, end))


def _climbing(ink: Gray, climb: float) -> Gray:
    """The ink of a line that falls by so many pixels a pixel along it."""
    height, width = ink.shape
    size = (width, height + math.ceil(abs(climb) * width))
    move = np.array([[1, 0, 0], [climb, 1, max(0.0, -climb * width)]], np.float32)
    return np.asarray(cv2.warpAffine(ink, move, size), np.uint8)


def retaken(picture: Gray, random: Generator) -> Gray:
    """A real line as another hand and lens would have it: slanted, widened, turned, smaller, blurred."""
    height, width = picture.shape
    slant, climb = random.uniform(-0.25, 0.25), random.uniform(-0.03, 0.03)
    wide = random.uniform(0.75, 1.2)
    move = np.array([[wide, slant, -slant * height / 2], [climb, 1, -climb * width / 2]], np.float32)
    size = (round(width * wide) + 1, height)
    moved = cv2.warpAffine(picture, move, size, borderMode=cv2.BORDER_REPLICATE)
    scale = random.uniform(0.25, 0.9)
    small = np.asarray(cv2.resize(moved, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    if random.random() < 0.35:
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), random.uniform(0.3, 1.8)), np.uint8)
    if random.random() < 0.3:
        small = photos.through_jpeg(small, round(random.uniform(25, 95)))
    return small


def run(line: DrawnLine, random: Generator) -> DrawnLine:
    """The line from one of its cuts, or its beginning, to a later one, or its end."""
    places = [(0, 0), *line.cuts, (len(line.text), line.picture.shape[1])]
    first, last = sorted(random.choice(len(places), size=2, replace=False).tolist())
    (start, left), (end, right) = places[first], places[last]
    return DrawnLine(picture=line.picture[:, left:right], text=line.text[start:end])


def _text(digits: Sequence[str], random: Generator) -> list[str]:
    """Random digits, so that no pattern is learnt; at times few kinds, a round end, or a repetition."""
    n = 1 + int(random.choice(LONGEST, p=_LENGTHS))
    if random.random() < 0.12:
        digits = random.choice(digits, size=int(random.integers(1, 4))).tolist()
    chosen = [digits[int(at)] for at in random.integers(len(digits), size=n)]
    kind = random.random()
    if kind < 0.12 and "0" in digits:
        start = int(random.integers(1, n + 1))
        chosen[start:] = ["0"] * (n - start)
    elif kind < 0.3 and n > 1:
        at = int(random.integers(n - 1))
        chosen[at + 1] = chosen[at]
    return chosen


def _style(random: Generator) -> _Style:
    height = round(random.uniform(36, 60))
    gaps, shares = zip(*_GAPS, strict=True)
    return _Style(
        height=height,
        slant=random.uniform(-0.55, 0.15) if random.random() < 0.7 else 0.0,
        angle=random.uniform(-4, 4),
        width=random.uniform(0.8, 1.2),
        gap=float(random.choice(gaps, p=shares)) * height,
        unrest=random.uniform(0, 0.1) * height,
        size=random.uniform(0, 0.22),
        climb=random.uniform(-0.05, 0.05),
    )


def _written(
    hand: Hand, text: Sequence[str], signs: Source, random: Generator
) -> tuple[Gray, int, tuple[float, float]]:
    """The ink of the line with some paper around it, how high its digits are, and the columns they take."""
    style = _style(random)
    height = style.height
    sheet = np.zeros((3 * height, round((2.2 * len(text) + 6) * height)), np.uint8)
    is_boxed = random.random() < 0.05
    pitch = random.uniform(0.9, 1.4) * height
    x = 1.0 * height
    if random.random() < 0.08:
        x = _signed(sheet, x, signs, style, random)
    starts, end, before = [x], 0.0, 0
    for digit in text:
        ink = _seen(hand, digit, style, random)
        at = x + (max(0.0, pitch - ink.shape[1]) * random.uniform(0.3, 0.7) if is_boxed else 0.0)
        at = max(at, end - _MOST_COVERED * min(before, ink.shape[1]))
        end, before = _placed(sheet, ink, at, style, random), ink.shape[1]
        if is_boxed:
            x = max(x + pitch, end)
        else:
            x = end + style.gap * random.uniform(0.6, 1.3) + random.normal(0, style.unrest)
            if random.random() < 0.12:
                x = _separated(sheet, x, style, random)
        starts.append(x)
    if is_boxed:
        _boxes(sheet, starts, style, random)
    elif random.random() < 0.12:
        _flourish(sheet, x, style, random)
    elif random.random() < 0.08:
        _signed(sheet, x + 0.2 * height, signs, style, random)
    around = [round(random.uniform(0.03, 0.7) * height) for _ in range(4)]
    moved = around[2] - int(sheet.any(axis=0).argmax())
    return np.pad(glyphs.tight(sheet), (around[:2], around[2:])), height, (starts[0] + moved, end + moved)


def _seen(hand: Hand, digit: str, style: _Style, random: Generator) -> Gray:
    """A digit that can be seen: a thin stroke may come out as nothing."""
    ink = _one(hand, digit, style, random)
    for _ in range(_TRIES):
        if np.count_nonzero(ink > _INKED) >= _LEAST_INKED * style.height:
            break
        ink = _one(hand, digit, style, random)
    return glyphs.tight(ink)


def _one(hand: Hand, digit: str, style: _Style, random: Generator) -> Gray:
    ink = hand.write(random, digit, round(style.height * (1 + random.uniform(-style.size, style.size))))
    if random.random() < 0.1:
        return ink
    return photos.turned(ink, style.angle + random.uniform(-3, 3), slant=style.slant, width=style.width)


def _placed(sheet: Gray, ink: Gray, x: float, style: _Style, random: Generator) -> float:
    """Puts the ink on the line at x; where it ends."""
    base = style.height * 0.9 + style.climb * (x - style.height) + random.normal(0, 0.05 * style.height)
    top = round(base + (style.height - len(ink)) * (1.0 if random.random() < 0.5 else 0.5))
    left = max(0, round(x))
    top = min(max(0, top), max(0, len(sheet) - len(ink)))
    place = sheet[top : top + len(ink), left : left + ink.shape[1]]
    np.maximum(place, ink[: place.shape[0], : place.shape[1]], out=place)
    return float(left + ink.shape[1])


def _signed(sheet: Gray, x: float, signs: Source, style: _Style, random: Generator) -> float:
    """A sign that belongs to no number; where the next may begin."""
    sign = signs(random, round(style.height * random.uniform(0.7, 1.0))).ink
    return _placed(sheet, sign, x, style, random) + random.uniform(0.15, 0.6) * style.height


def _separated(sheet: Gray, x: float, style: _Style, random: Generator) -> float:
    """A point, a comma, an apostrophe, a dash or a space between digits; where the next may begin."""
    height = style.height
    size = max(2, round(0.07 * height * random.uniform(0.7, 1.6)))
    left = round(x + random.uniform(0, 0.1) * height)
    top = 0.9 * height + style.climb * (x - height)
    foot = round(top + height * random.uniform(0.88, 1.06))
    kind = random.choice(["point", "comma", "apostrophe", "dash", "space"], p=[0.35, 0.3, 0.1, 0.1, 0.15])
    if kind == "point":
        cv2.circle(sheet, (left + size, foot), size, 255, -1, cv2.LINE_AA)
    elif kind == "comma":
        cv2.line(sheet, (left + size, foot - size), (left, foot + 2 * size), 255, size, cv2.LINE_AA)
    elif kind == "apostrophe":
        start = (left + size, round(top))
        cv2.line(sheet, start, (left, round(top) + 3 * size), 255, size, cv2.LINE_AA)
    elif kind == "dash":
        level = foot - height // 2
        cv2.line(sheet, (left, level), (left + round(0.3 * height), level), 255, size, cv2.LINE_AA)
    widths = {"dash": 0.38 * height, "space": 0.4 * height}
    return left + widths.get(str(kind), 2.3 * size)


def _flourish(sheet: Gray, x: float, style: _Style, random: Generator) -> None:
    """One or two strokes behind the number, or a curl."""
    height = style.height
    level = 0.9 * height + height * random.uniform(0.3, 0.9)
    for _ in range(int(random.integers(1, 3))):
        start = (round(x + 0.2 * height), round(level))
        end = (
            round(x + height * random.uniform(0.5, 1.6)),
            round(level - random.uniform(-0.1, 0.3) * height),
        )
        cv2.line(sheet, start, end, 255, max(2, round(height * random.uniform(0.05, 0.1))), cv2.LINE_AA)
        level += 0.18 * height


def _boxes(sheet: Gray, starts: Sequence[float], style: _Style, random: Generator) -> None:
    """A box for each digit: without a rule above or below, its sides would look like ones."""
    pen, depth = int(random.integers(1, 4)), int(random.integers(60, 220))
    top = round(0.9 * style.height - random.uniform(0.1, 0.35) * style.height)
    foot = round(1.9 * style.height + random.uniform(0.1, 0.35) * style.height)
    marks = np.zeros_like(sheet)
    for x in starts:
        cv2.line(marks, (round(x), top), (round(x), foot), depth, pen)
    for y in (top, foot) if random.random() < 0.85 else (foot,):
        cv2.line(marks, (round(starts[0]), y), (round(starts[-1]), y), depth, pen)
    np.maximum(sheet, marks, out=sheet)


def _rule(sheet: paper.Sheet, random: Generator) -> None:
    """A line to write on."""
    height, width = sheet.shape
    y = round(height * random.uniform(0.75, 1.0))
    dark, pen = float(random.uniform(30, 140)), int(random.integers(1, 4))
    cv2.line(sheet, (0, y), (width, y + round(random.uniform(-0.02, 0.02) * width)), dark, pen, cv2.LINE_AA)
