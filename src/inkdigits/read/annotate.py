"""What was read, drawn on the page: a box around each digit, its label above, its colour by confidence."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.types import Box, Gray, Line, Page

LONGEST = 2000
"""Pixels along the longer side of an annotated picture, at most."""

Colour = NDArray[np.uint8]
"""A colour picture: uint8, (height, width, 3), blue, green, red, as OpenCV has them."""

ACCEPTED, UNSURE, REFUSED = (60, 140, 30), (0, 140, 255), (40, 40, 220)
_THINNEST = 0.0012
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def annotated(picture: Gray, page: Page) -> Colour:
    """The page with its lines and digits: green where accepted, orange where not, red where refused.

    Blank cells of a grid are left as they are.
    """
    scale = min(1.0, LONGEST / max(picture.shape))
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    shown = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    drawn = np.asarray(cv2.cvtColor(np.asarray(shown, np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)
    pen = max(1, round(_THINNEST * max(drawn.shape)))
    for line in page.lines:
        if page.grid is None or line.reason != "blank":
            _draw_line(drawn, line, scale, pen)
    return drawn


def png(picture: Gray, page: Page) -> bytes:
    """The annotated page as a PNG file."""
    _, content = cv2.imencode(".png", annotated(picture, page))
    return bytes(content)


def _draw_line(drawn: Colour, line: Line, scale: float, pen: int) -> None:
    colour = ACCEPTED if line.accepted else UNSURE if line.text else REFUSED
    _rectangle(drawn, line.box, scale, colour, pen)
    if len(line.digits) > 1:
        for digit in line.digits:
            sure = np.clip(digit.confidence, 0, 1)
            shade = tuple(
                round(sure * good + (1 - sure) * bad) for good, bad in zip(ACCEPTED, REFUSED, strict=True)
            )
            _rectangle(drawn, digit.box, scale, shade, pen)
    told = f"{line.text} {100 * line.confidence:.0f}%" if line.text else str(line.reason)
    _write(drawn, told, line.box, scale, colour, pen)


def _rectangle(drawn: Colour, box: Box, scale: float, colour: tuple[int, ...], pen: int) -> None:
    start = (round(box.x * scale), round(box.y * scale))
    end = (round((box.x + box.width) * scale), round((box.y + box.height) * scale))
    cv2.rectangle(drawn, start, end, colour, pen)


def _write(drawn: Colour, text: str, box: Box, scale: float, colour: tuple[int, ...], pen: int) -> None:
    """The text above the box, or under it where there is no room above; inside the picture."""
    size = max(0.35, min(0.012 * box.height * scale, 0.0007 * max(drawn.shape)))
    (width, height), below = cv2.getTextSize(text, _FONT, size, pen)
    x = min(max(0, round(box.x * scale)), max(0, drawn.shape[1] - width))
    y = round(box.y * scale) - below
    if y - height < 0:
        y = min(drawn.shape[0] - below, round((box.y + box.height) * scale) + height + below)
    cv2.putText(drawn, text, (x, y), _FONT, size, (255, 255, 255), pen + 2, cv2.LINE_AA)
    cv2.putText(drawn, text, (x, y), _FONT, size, colour, pen, cv2.LINE_AA)
