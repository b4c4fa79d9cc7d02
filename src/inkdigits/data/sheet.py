"""Contact sheets: a data set, or a set of pictures, at one glance."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkdigits import files, image
from inkdigits.errors import ArgumentError
from inkdigits.types import SIDE, Dataset, Gray, Images

_COLUMNS = 24
_GAP = 3
_TEXT = 15
_MARGIN = 12
_PAPER = 255
_PICTURE_WIDTH = 360
_PICTURE_HEIGHT = 240
_PICTURE_COLUMNS = 4
_ENLARGED = 3
_TILE_COLUMNS = 10
_TILE_GAP = 14
_CAPTION = 13
_LEADING = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """Digit images under a title, each with lines of text below it, cut off where they are too long."""

    title: str
    images: Images
    captions: Sequence[Sequence[str]]


def check_name(path: Path) -> None:
    """Raises ArgumentError for the name of a contact sheet that doesn't end in .png."""
    if path.suffix.lower() != ".png":
        raise ArgumentError(f"{path} is no name for a contact sheet; it should end in .png")


def of_datasets(datasets: Sequence[Dataset], path: Path) -> None:
    """A PNG with one row for each class of each split, its images evenly spread over the split."""
    _save(_stacked([_block(dataset) for dataset in datasets]), path)


def of_pictures(pictures: Sequence[Path], path: Path) -> None:
    """A PNG of picture files side by side, each shrunk to fit."""
    n_rows = -(-len(pictures) // _PICTURE_COLUMNS)
    size = (_PICTURE_COLUMNS * (_PICTURE_WIDTH + _GAP), n_rows * (_PICTURE_HEIGHT + _GAP))
    sheet = Image.new("L", size, _PAPER)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, _PICTURE_COLUMNS)
        shrunk = Image.fromarray(_fitted(image.decode(picture)))
        sheet.paste(shrunk, (column * (_PICTURE_WIDTH + _GAP), row * (_PICTURE_HEIGHT + _GAP)))
    _save(sheet, path)


def of_sections(sections: Sequence[Section], path: Path) -> None:
    """A PNG of enlarged digit images with what is to be said of each, section by section."""
    blocks = [_section(section) for section in sections]
    _save(_stacked(blocks), path)


def _stacked(blocks: Sequence[Image.Image]) -> Image.Image:
    width = max(block.width for block in blocks)
    sheet = Image.new("L", (width, sum(block.height for block in blocks)), _PAPER)
    top = 0
    for block in blocks:
        sheet.paste(block, (0, top))
        top += block.height
    return sheet


def _section(section: Section) -> Image.Image:
    """A title, then rows of tiles: an image, and its caption below."""
    font, small = ImageFont.load_default(_TEXT), ImageFont.load_default(_CAPTION)
    side = SIDE * _ENLARGED
    n_lines = max((len(caption) for caption in section.captions), default=0)
    height = side + _LEADING + n_lines * (_CAPTION + _LEADING) + _TILE_GAP
    top = _MARGIN + _TEXT + _MARGIN
    n_rows = -(-len(section.images) // _TILE_COLUMNS)
    width = 2 * _MARGIN + _TILE_COLUMNS * (side + _TILE_GAP) - _TILE_GAP
    block = Image.new("L", (width, top + n_rows * height), _PAPER)
    pen = ImageDraw.Draw(block)
    pen.text((_MARGIN, _MARGIN), section.title, fill=0, font=font)
    for number, (shown, caption) in enumerate(zip(section.images, section.captions, strict=True)):
        row, column = divmod(number, _TILE_COLUMNS)
        x, y = _MARGIN + column * (side + _TILE_GAP), top + row * height
        block.paste(Image.fromarray(shown).resize((side, side), Image.Resampling.BICUBIC), (x, y))
        for line, text in enumerate(caption):
            told = Image.new("L", (side + _TILE_GAP - _GAP, _CAPTION + _LEADING), _PAPER)
            ImageDraw.Draw(told).text((0, 0), text, fill=0, font=small)
            block.paste(told, (x, y + side + _LEADING + line * told.height))
    return block


def _block(dataset: Dataset) -> Image.Image:
    """One split: a heading, then a row for each class with its name and count."""
    font = ImageFont.load_default(_TEXT)
    counts = np.bincount(dataset.labels, minlength=len(dataset.label_names))
    titles = [f"{name}  {count:,}" for name, count in zip(dataset.label_names, counts, strict=True)]
    left = _MARGIN + round(max(font.getlength(title) for title in titles)) + _MARGIN
    step = SIDE + _GAP
    top = _MARGIN + _TEXT + _MARGIN
    block = Image.new("L", (left + _COLUMNS * step + _MARGIN, top + len(titles) * step + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(block)
    pen.text(
        (_MARGIN, _MARGIN), f"{dataset.name}, {dataset.split}: {len(dataset):,} images", fill=0, font=font
    )
    for label, title in enumerate(titles):
        y = top + label * step
        pen.text((_MARGIN, y + (SIDE - _TEXT) // 2), title, fill=0, font=font)
        for column, row in enumerate(_spread(np.flatnonzero(dataset.labels == label))):
            block.paste(Image.fromarray(dataset.images[row]), (left + column * step, y))
    return block


def _spread(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """As many of the rows as fit, evenly spread."""
    n_shown = min(len(rows), _COLUMNS)
    return rows[np.linspace(0, len(rows) - 1, n_shown).astype(np.int64)] if n_shown else rows


def _fitted(picture: Gray) -> Gray:
    height, width = picture.shape
    scale = min(_PICTURE_WIDTH / width, _PICTURE_HEIGHT / height, 1.0)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _save(sheet: Image.Image, path: Path) -> None:
    content = io.BytesIO()
    sheet.save(content, format="PNG")
    files.write(path, content.getvalue())
