"""Explanations as one picture: a row for each image, a column for each thing that is told of it."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inkdigits.evaluate.explanation import Explanation
from inkdigits.evaluate.overlay import AGAINST, FOR, overlay
from inkdigits.evaluate.table import percent
from inkdigits.types import SIDE, Gray

SCALE, SMALL_SCALE = 6, 3
"""Pixels for each of a digit image, and of a neighbour."""

MOST_BARS = 6
"""Labels whose probability is shown, the highest ones."""

FULL_FROM = 0.99
"""The share of pixels beyond which all have the full colour, since a few would outshine the rest."""

DIMMED = 2
"""How many times darker the ink is under the colours."""

IN_A_LINE = 5
"""Neighbours side by side."""

INK, GREY, FAINT, PAPER, BLUE, ORANGE = "#222222", "#6A6A6A", "#E9E9E9", "#FFFFFF", "#0072B2", "#D55E00"

_TALL, _SMALL = SIDE * SCALE, SIDE * SMALL_SCALE
_MARGIN, _GAP, _BETWEEN = 28, 20, 8
_TEXT, _NOTE = 18, 14
_LINE = 30
_BARS_WIDTH, _BAR_HEIGHT = 200, 13
_SMALL_HEIGHT = _SMALL + _LINE


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A column's title and width, and what draws one explanation at (left, top)."""

    title: str
    width: int
    draw: Callable[[Image.Image, Explanation, int, int], None]


def png(explanations: Sequence[Explanation]) -> bytes:
    """The picture, PNG: equal explanations give equal bytes. The methods of all have to be the same."""
    columns = _columns(explanations)
    heights = [_LINE + _height(each) + _GAP for each in explanations]
    width = 2 * _MARGIN + sum(column.width for column in columns) + _GAP * (len(columns) - 1)
    sheet = Image.new("RGB", (width, 2 * _MARGIN + sum(heights) + _LINE), PAPER)
    top = _MARGIN
    for explanation, height in zip(explanations, heights, strict=True):
        _row(sheet, explanation, columns, top)
        top += height
    _legend(sheet, explanations, top + _GAP // 2)
    content = io.BytesIO()
    sheet.save(content, format="PNG")
    return content.getvalue()


def _columns(explanations: Sequence[Explanation]) -> list[_Column]:
    looks = [
        _Column(title=look.method, width=_TALL, draw=partial(_draw_look, at))
        for at, look in enumerate(explanations[0].looks)
    ]
    columns = [
        _Column(title="picture", width=_TALL, draw=_draw_picture),
        _Column(title="as the model sees it", width=_TALL, draw=_draw_seen),
        *looks,
        _Column(title="probabilities", width=_BARS_WIDTH, draw=_draw_bars),
    ]
    n_aside = min(IN_A_LINE, max(len(each.neighbours) for each in explanations))
    if n_aside:
        width = max(n_aside * (_SMALL + _BETWEEN) - _BETWEEN, _TALL)
        columns.append(_Column(title="nearest training images", width=width, draw=_draw_neighbours))
    return columns


def _height(explanation: Explanation) -> int:
    """Of a row, its heading left out: that of the columns' titles and what is below them."""
    n_lines = -(-len(explanation.neighbours) // IN_A_LINE)
    return _LINE + max(_TALL, n_lines * (_SMALL_HEIGHT + _BETWEEN) - _BETWEEN)


def _row(sheet: Image.Image, explanation: Explanation, columns: Sequence[_Column], top: int) -> None:
    pen, left = ImageDraw.Draw(sheet), _MARGIN
    right = sheet.width - _MARGIN
    pen.line([(left, top - _GAP // 2), (right, top - _GAP // 2)], fill=FAINT)
    said = _said(explanation)
    room = right - left - _font(_TEXT).getlength("".join(text for text, _ in said))
    for text, colour in [(_cut(Path(explanation.name).name, _TEXT, room), INK), *said]:
        pen.text((left, top), text, fill=colour, font=_font(_TEXT))
        left += round(_font(_TEXT).getlength(text))
    left = _MARGIN
    for column in columns:
        pen.text((left, top + _LINE + 2), column.title, fill=GREY, font=_font(_NOTE))
        column.draw(sheet, explanation, left, top + 2 * _LINE)
        left += column.width + _GAP


def _said(explanation: Explanation) -> list[tuple[str, str]]:
    """What a heading says behind the name, in which colours."""
    said = [(f":   read as {explanation.answer}, {percent(explanation.confidence, digits=1)}", INK)]
    if explanation.truth is not None and explanation.truth != explanation.answer:
        said.append((f", but is {explanation.truth}", ORANGE))
    if explanation.label != explanation.answer:
        said.append((f";   shown is what speaks for {explanation.label}", BLUE))
    return said


def _draw_picture(sheet: Image.Image, explanation: Explanation, left: int, top: int) -> None:
    """The picture as large as it fits, with a frame around its ink where it isn't the digit image itself."""
    height, width = explanation.picture.shape
    scale = _TALL / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    shrunk = np.asarray(cv2.resize(explanation.picture, size, interpolation=way), np.uint8)
    x, y = left + (_TALL - size[0]) // 2, top + (_TALL - size[1]) // 2
    sheet.paste(Image.fromarray(shrunk), (x, y))
    pen = ImageDraw.Draw(sheet)
    pen.rectangle([x - 1, y - 1, x + size[0], y + size[1]], outline=FAINT)
    if not np.array_equal(explanation.picture, explanation.image):
        box = explanation.box
        corners = (box.x, box.y, box.x + box.width, box.y + box.height)
        x0, y0, x1, y1 = (round(corner * scale) for corner in corners)
        pen.rectangle([x + x0 - 3, y + y0 - 3, x + x1 + 2, y + y1 + 2], outline=BLUE, width=2)


def _draw_seen(sheet: Image.Image, explanation: Explanation, left: int, top: int) -> None:
    sheet.paste(_enlarged(explanation.image, SCALE), (left, top))


def _draw_look(at: int, sheet: Image.Image, explanation: Explanation, left: int, top: int) -> None:
    amounts = explanation.looks[at].amounts
    most = float(np.quantile(np.abs(amounts), FULL_FROM)) or float(np.abs(amounts).max())
    dim = (explanation.image // DIMMED).astype(np.uint8)
    tinted = overlay(dim, amounts.clip(-most, most), scale=SCALE)
    sheet.paste(Image.fromarray(tinted), (left, top))


def _draw_bars(sheet: Image.Image, explanation: Explanation, left: int, top: int) -> None:
    """The highest probabilities as bars, that of the explained label in blue."""
    pen, font = ImageDraw.Draw(sheet), _font(_NOTE)
    ranked = np.argsort(-np.array(explanation.scores), kind="stable")[:MOST_BARS].tolist()
    explained = explanation.label_names.index(explanation.label)
    if explained not in ranked:
        ranked[-1] = explained
    names = [_cut(explanation.label_names[each], _NOTE, 60) for each in ranked]
    start = left + round(max(font.getlength(name) for name in names)) + _BETWEEN
    full = left + _BARS_WIDTH - 56 - start
    for line, (label, name) in enumerate(zip(ranked, names, strict=True)):
        share, y = explanation.scores[label], top + line * _TALL // MOST_BARS + 6
        colour = BLUE if label == explained else GREY
        pen.text((start - _BETWEEN, y + _BAR_HEIGHT // 2), name, fill=INK, font=font, anchor="rm")
        pen.rectangle([start, y, start + full, y + _BAR_HEIGHT], fill=FAINT)
        if round(full * share):
            pen.rectangle([start, y, start + round(full * share), y + _BAR_HEIGHT], fill=colour)
        at = (left + _BARS_WIDTH, y + _BAR_HEIGHT // 2)
        pen.text(at, percent(share, digits=1), fill=INK, font=font, anchor="rm")


def _draw_neighbours(sheet: Image.Image, explanation: Explanation, left: int, top: int) -> None:
    """The nearest images, each with its label and distance; a label that isn't the answer is orange."""
    pen, font = ImageDraw.Draw(sheet), _font(_NOTE)
    for number, neighbour in enumerate(explanation.neighbours):
        line, column = divmod(number, IN_A_LINE)
        x, y = left + column * (_SMALL + _BETWEEN), top + line * (_SMALL_HEIGHT + _BETWEEN)
        sheet.paste(_enlarged(neighbour.image, SMALL_SCALE), (x, y))
        colour = INK if neighbour.label == explanation.answer else ORANGE
        label, base = _cut(neighbour.label, _TEXT, _SMALL / 2), y + _SMALL + _LINE - _BETWEEN
        pen.text((x, base), label, fill=colour, font=_font(_TEXT), anchor="ls")
        at = (x + _font(_TEXT).getlength(label) + _BETWEEN, base)
        pen.text(at, f"{neighbour.distance:.3f}", fill=GREY, font=font, anchor="ls")


def _legend(sheet: Image.Image, explanations: Sequence[Explanation], top: int) -> None:
    """What the colours say."""
    pen, left = ImageDraw.Draw(sheet), _MARGIN
    for colour, text in ((FOR, "speaks for the label"), (AGAINST, "speaks against it")):
        pen.rectangle([left, top + 1, left + _NOTE, top + 1 + _NOTE], fill=colour)
        pen.text((left + _NOTE + _BETWEEN, top), text, fill=GREY, font=_font(_NOTE))
        left += _NOTE + 3 * _BETWEEN + round(_font(_NOTE).getlength(text))
    note = "Under neighbours: their label, and how far they are (1 - cosine of the features)."
    note = note if any(each.neighbours for each in explanations) else ""
    pen.text((left, top), note, fill=GREY, font=_font(_NOTE))


def _enlarged(image: Gray, scale: int) -> Image.Image:
    return Image.fromarray(np.kron(image, np.ones((scale, scale), np.uint8)))


def _cut(text: str, size: int, width: float) -> str:
    """The text, or as much of its beginning as there is room for."""
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
