"""Pages with numbers on them whose texts and places are known, because they were drawn."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from inkdigits.data.drawn.hands import Hands
from inkdigits.types import Box, Gray

A4 = (3508, 2481)
"""Height and width of an A4 page at 300 dpi, in pixels."""

_PAPER, _DEPTH = 236.0, 0.8


@dataclass(frozen=True, kw_only=True)
class DrawnPage:
    """A picture of a page, uint8; the numbers on it in reading order, and the box of each one's ink."""

    picture: Gray
    texts: tuple[str, ...]
    boxes: tuple[Box, ...]


def draw(
    hands: Hands,
    random: Generator,
    *,
    shape: tuple[int, int] = A4,
    n_lines: int = 20,
    n_digits: int = 10,
    height: int = 72,
    angle: float = 0.0,
) -> DrawnPage:
    """Numbers above rules, one under the other, `height` pixels high; the page turned by `angle` degrees.

    At 300 dpi 72 pixels are 6 mm. Light falls off to the left, and the scanner adds grain.
    """
    sheet = np.full(shape, _PAPER)
    pitch = shape[0] / (n_lines + 1)
    texts, boxes = [], []
    for line in range(n_lines):
        hand = hands(random)
        text = "".join(hand.digits[int(at)] for at in random.integers(len(hand.digits), size=n_digits))
        foot = round((line + 1) * pitch)
        inks = [hand.write(random, digit, height) for digit in text]
        gaps = random.uniform(0.08, 0.25, n_digits) * height
        length = sum(ink.shape[1] for ink in inks) + gaps.sum()
        x = left = random.uniform(0.06, 0.1) * shape[1] + random.random() * max(0.0, 0.8 * shape[1] - length)
        for ink, gap in zip(inks, gaps, strict=True):
            rows, columns = slice(foot - len(ink), foot), slice(round(x), round(x) + ink.shape[1])
            place = sheet[rows, columns]
            place *= 1 - _DEPTH * ink[: place.shape[0], : place.shape[1]] / 255
            x += ink.shape[1] + gap
        cv2.line(sheet, (round(0.04 * shape[1]), foot + 12), (round(0.96 * shape[1]), foot + 12), 150, 3)
        tall = max(len(ink) for ink in inks)
        texts.append(text)
        boxes.append(Box(x=round(left), y=foot - tall, width=round(x - gaps[-1] - left), height=tall))
    turn = cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), angle, 1.0)
    turned = cv2.warpAffine(sheet, turn, (shape[1], shape[0]), borderValue=_PAPER) if angle else sheet
    lit = turned * np.linspace(0.8, 1.0, shape[1]) + random.normal(0, 2.5, shape)
    return DrawnPage(
        picture=np.asarray(np.clip(lit, 0, 255), np.uint8),
        texts=tuple(texts),
        boxes=tuple(_turned(box, turn) for box in boxes),
    )


def _turned(box: Box, turn: np.ndarray) -> Box:
    """The smallest box around a box that was turned."""
    corners = [[x, y, 1] for x in (box.x, box.x + box.width) for y in (box.y, box.y + box.height)]
    found = np.array(corners) @ turn.T
    (x, y), (right, foot) = np.rint(found.min(axis=0)), np.rint(found.max(axis=0))
    return Box(x=int(x), y=int(y), width=int(right - x), height=int(foot - y))
