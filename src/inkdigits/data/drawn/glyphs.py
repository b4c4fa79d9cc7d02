"""Glyphs to draw with: ink off its paper, at any height, from images, pen strokes and fonts."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkdigits.data import strokes
from inkdigits.types import Gray, Images

_FRACTION_BITS = 4
_ROOM = 6
_HALF = 128.0


@dataclass(frozen=True, kw_only=True)
class Glyph:
    """Ink, uint8, bright on black, without paper around it; and what it stands for."""

    ink: Gray
    label: str


Source = Callable[[Generator, int], Glyph]
"""Gives a glyph whose longer side is about that many pixels."""


def mixed(sources: Sequence[tuple[float, Source]]) -> Source:
    """One of the sources, each as often as its share says."""
    shares = np.array([share for share, _ in sources])

    def draw(random: Generator, length: int) -> Glyph:
        which = int(random.choice(len(sources), p=shares / shares.sum()))
        return sources[which][1](random, length)

    return draw


def from_images(images: Images | Sequence[Gray], labels: Sequence[str]) -> Source:
    """Enlarged and made smooth again, the stroke thinner or thicker than it was; ink bright on black."""

    def draw(random: Generator, length: int) -> Glyph:
        row = int(random.integers(len(images)))
        return Glyph(ink=redrawn(tight(images[row]), random, length), label=labels[row])

    return draw


def from_pen(points: NDArray[np.generic], labels: Sequence[str]) -> Source:
    """Drawn with pens of any width along smooth curves through the points, (n, points, 2), y upwards."""

    def draw(random: Generator, length: int) -> Glyph:
        row = int(random.integers(len(points)))
        pen = max(1, round(random.uniform(0.035, 0.16) * length))
        lines = lifted(points[row].astype(np.float64), labels[row])
        return Glyph(ink=inked(lines, random.uniform(0.55, 1.0), length, pen), label=labels[row])

    return draw


def from_fonts(fonts: Sequence[Path], texts: Sequence[str], *, label: str | None = None) -> Source:
    """Set in one of the fonts that have it; the label is the text, where no other is given."""
    having = {text: [font for font in fonts if has(font, text)] for text in texts}
    settable = [text for text in texts if having[text]]

    def draw(random: Generator, length: int) -> Glyph:
        text = settable[int(random.integers(len(settable)))]
        able = having[text]
        font = ImageFont.truetype(str(able[int(random.integers(len(able)))]), round(1.3 * length))
        left, top, right, bottom = font.getbbox(text)
        sheet = Image.new("L", (round(right - left) + 2, round(bottom - top) + 2))
        ImageDraw.Draw(sheet).text((1 - left, 1 - top), text, fill=255, font=font)
        ink = np.asarray(sheet)
        return Glyph(ink=tight(scaled(tight(ink), length)), label=label or text)

    return draw


@functools.cache
def has(font: Path, text: str) -> bool:
    """Whether the font has every sign of the text, and not a box in its place."""
    face = ImageFont.truetype(str(font), 40)
    missing = bytes(face.getmask("\U0010fffe"))
    return all(bytes(face.getmask(sign)) != missing for sign in text)


def lifted(points: NDArray[np.float64], label: str) -> list[NDArray[np.float64]]:
    """The strokes in points that were taken at even distances along the pen's way, its lifts included.

    The bar of a crossed 7 and the roof of a 5 are drawn last: the way up to them left no ink.
    """
    least = {"7": 30.0, "5": 55.0}.get(label)
    lowest = int(points[:, 1].argmin())
    if least is None or not (points[lowest + 1 :, 1] - points[lowest, 1] > least).any():
        return [points]
    last = max(lowest + 1, len(points) - 2)
    return [part for part in (points[: lowest + 1], points[last:]) if len(part) > 1]


def inked(lines: Sequence[NDArray[np.float64]], aspect: float, length: int, pen: int) -> Gray:
    """Lines through points from 0 to 100, y upwards, with a pen that many pixels wide."""
    side = round(1.4 * length)
    drawn = np.zeros((side, side), np.uint8)
    for line in lines:
        across, down = line[:, 0] * aspect, 100 - line[:, 1]
        on_sheet = np.stack([across, down], axis=1) * (length / 100) + 0.2 * length
        drawn = np.maximum(drawn, curve(on_sheet, pen=pen, shape=drawn.shape))
    return tight(drawn)


def redrawn(ink: Gray, random: Generator, length: int) -> Gray:
    """Enlarged, and its edges found anew at another level: that is what moves the stroke's width."""
    scale = length / max(ink.shape)
    large = np.pad(scaled(ink, length), _ROOM)
    soft = cv2.GaussianBlur(large, (0, 0), max(0.5, scale * random.uniform(0.25, 0.55))).astype(np.float32)
    level, steepness = random.uniform(70, 185), random.uniform(4, 14)
    sharp = np.clip((soft - min(level, 0.6 * soft.max())) * steepness + _HALF, 0, 255).astype(np.uint8)
    return tight(_widened(sharp, random, length) if random.random() < 0.25 else sharp)


def tight(ink: Gray) -> Gray:
    """The ink without the paper around it; a single pixel where there is none."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows) == 0:
        return ink[:1, :1]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def scaled(ink: Gray, length: int) -> Gray:
    """The ink with its longer side at that many pixels."""
    height, width = ink.shape
    scale = length / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(ink, size, interpolation=smooth), np.uint8)


def curve(points: NDArray[np.float64], *, pen: int, shape: tuple[int, int]) -> Gray:
    """A smooth line through the points, (n, 2), x and y in pixels."""
    smooth = strokes.smooth(points[np.newaxis])[0] if len(points) > 2 else points
    fixed = np.rint(smooth * (1 << _FRACTION_BITS)).astype(np.int32)
    picture = np.zeros(shape, np.uint8)
    cv2.polylines(picture, [fixed], False, 255, pen, cv2.LINE_AA, _FRACTION_BITS)
    return picture


def _widened(ink: Gray, random: Generator, length: int) -> Gray:
    """A stroke a few pixels wider or thinner, if enough of it is left."""
    side = int(random.integers(1, max(2, length // 25) + 1)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    changed = cv2.dilate(ink, kernel) if random.random() < 0.5 else cv2.erode(ink, kernel)
    enough = np.count_nonzero(changed > _HALF) > 0.25 * np.count_nonzero(ink > _HALF)
    return np.asarray(changed if enough else ink, np.uint8)
