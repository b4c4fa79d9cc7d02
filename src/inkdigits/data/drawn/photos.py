"""Photos of glyphs: bent as a hand bends them, on paper, in light, through a lens, and saved as JPEG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inkdigits.data.drawn.glyphs import Glyph, Source
from inkdigits.data.drawn.paper import Sheet, paper
from inkdigits.types import Box, Gray

SHORTEST, LONGEST = 22, 110
"""Pixels along the longer side of a crop, at least and at most."""

_BLUR = 0.07
_INKED = 100


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A crop, uint8, and where in it the glyph is."""

    picture: Gray
    box: Box


def photo(glyph: Glyph, random: Generator, *, neighbours: Source | None = None) -> Photo:
    """A crop with the glyph on some paper; at times with the ink of a neighbour at its rim."""
    ink = _with_room(bent(glyph.ink, random), random)
    inked = [np.flatnonzero((ink >= _INKED).any(axis=axis)) for axis in (1, 0)]
    if neighbours is not None and random.random() < 0.25:
        _add_neighbour(ink, neighbours(random, round(0.8 * max(ink.shape))).ink, random)
    length = max(ink.shape)
    scale = random.uniform(SHORTEST, LONGEST) / length
    picture = developed(ink, paper(ink.shape, random), random, length=length, scale=scale, blur=_BLUR)
    return Photo(picture=picture, box=_box(inked, picture.shape[0] / len(ink)))


def _box(inked: Sequence[NDArray[np.intp]], scale: float) -> Box:
    """Around the rows and columns with ink, of what was drawn at that scale."""
    (top, bottom), (left, right) = (
        (int(each[0]), int(each[-1]) + 1) if len(each) else (0, 1) for each in inked
    )
    return Box(
        x=round(left * scale),
        y=round(top * scale),
        width=max(1, round((right - left) * scale)),
        height=max(1, round((bottom - top) * scale)),
    )


def bent(ink: Gray, random: Generator) -> Gray:
    """Turned by up to 10°, slanted, narrowed."""
    angle, slant = random.uniform(-10, 10), random.uniform(-0.25, 0.25)
    return turned(ink, angle, slant=slant, width=random.uniform(0.8, 1.15))


def turned(ink: Gray, angle: float, *, slant: float = 0.0, width: float = 1.0) -> Gray:
    """Turned to the left by so many degrees, slanted to the left by that share of its height, widened."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    turn = np.array([[cos, sin + slant], [-sin, cos]])
    turn[0] *= width
    height, width = ink.shape
    corners = turn @ np.array([[0, width, 0, width], [0, 0, height, height]])
    start, end = corners.min(axis=1), corners.max(axis=1)
    move = np.column_stack([turn, 1 - start]).astype(np.float32)
    across, down = (int(length) + 3 for length in end - start)
    return np.asarray(cv2.warpAffine(ink, move, (across, down)), np.uint8)


def developed(
    ink: Gray, sheet: Sheet, random: Generator, *, length: int, scale: float, blur: float = 0.035
) -> Gray:
    """The ink on the sheet as a camera or scanner gives it: blur, grain, JPEG; at times inverted.

    `length` is how high or long a digit with its surroundings is, in pixels; `blur` is the largest deviation
    of the lens as a share of it; the picture is shrunk by `scale`, if that is below 1.
    """
    depth = _unevenly_inked(np.asarray(ink / 255, np.float32), random)
    picture = sheet * (1 - depth * random.uniform(0.35, 0.92))
    if random.random() < 0.5:
        most = blur * length if random.random() < 0.3 else 1.3
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, max(0.4, most)))
    picture = picture + random.normal(0, 1, ink.shape) * random.choice([0, 1, 3, 8])
    grey = np.clip(picture, 0, 255).astype(np.uint8)
    if scale < 1:
        grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    if random.random() < 0.5:
        grey = through_jpeg(grey, round(random.uniform(25, 95)))
    return np.asarray(255 - grey if random.random() < 0.12 else grey, np.uint8)


def _unevenly_inked(depth: Sheet, random: Generator) -> Sheet:
    """Ink that fades along the stroke, or the grain of a pencil: each at times."""
    height, width = depth.shape
    if random.random() < 0.4:
        fading = cv2.resize(random.random((6, 6), np.float32), (width, height))
        depth = depth * (1 - random.uniform(0, 0.5) * fading)
    if random.random() < 0.15:
        depth = depth * (0.5 + 0.5 * (random.random(depth.shape) > random.uniform(0, 0.35)))
    return np.asarray(depth, np.float32)


def through_jpeg(picture: Gray, quality: int) -> Gray:
    """What is left of it at that quality, 1 to 100."""
    _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), np.uint8)


def _with_room(ink: Gray, random: Generator) -> Gray:
    length = max(ink.shape)
    most = [0.9 if random.random() < 0.6 else 0.3 for _ in range(4)]
    top, bottom, left, right = (round(random.uniform(0.03, each) * length) for each in most)
    return np.pad(ink, ((top, bottom), (left, right)))


def _add_neighbour(ink: Gray, neighbour: Gray, random: Generator) -> None:
    """A part of another glyph, cut off by the left or the right rim."""
    height, width = ink.shape
    free = np.flatnonzero(ink.any(axis=0))
    on_left = random.random() < 0.5
    room = int(free[0]) if on_left else width - 1 - int(free[-1])
    shown = min(round(neighbour.shape[1] * random.uniform(0.1, 0.6)), round(0.8 * room))
    top = int(random.integers(0, max(1, height - len(neighbour) + 1)))
    if shown < 1:
        return
    part = neighbour[: height - top]
    place = ink[top : top + len(part)]
    if on_left:
        np.maximum(place[:, :shown], part[:, -shown:], out=place[:, :shown])
    else:
        np.maximum(place[:, -shown:], part[:, :shown], out=place[:, -shown:])
