"""Where the shipped models' glyphs come from, and who is kept apart for validation and for the test.

Only data whose licence admits it: MNIST, UCI Pendigits and Semeion, the symbols of BHMSDS, `numbers10`,
`grids`, `cells`, and fonts of Debian's packages. Writers and photos of the test are never drawn with.
"""

import io
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits import data, image
from inkdigits.card import NONE
from inkdigits.data import files, known, local, pages, split
from inkdigits.data.crops import is_in
from inkdigits.data.drawn import glyphs, scraps
from inkdigits.data.drawn.glyphs import Source
from inkdigits.data.pinned import FILES
from inkdigits.errors import UserError
from inkdigits.types import Gray, Images

VALIDATION_WRITERS = frozenset({"writer-03", "writer-11", "writer-19"})
TEST_WRITERS = frozenset({"writer-04", "writer-08", "writer-12", "writer-16", "writer-20"})
"""Of `numbers10`, drawn once by taking every fourth; the others are trained on."""

HANDWRITING = ("fonts-breip", "fonts-dkg-handwriting", "fonts-femkeklaver", "fonts-sjfonts", "fonts-bwht")
PRINT = "fonts-dejavu-core"
"""Debian's packages of fonts."""

WRONG_CORNERS = frozenset(f"images/image{n}.jpg" for n in (1031, 1036, 1038, 1039, 1040, 1043, 1083))
"""Photos of `grids` whose corners in its table are not the grid's (docs/log.md)."""

_FONT_FOLDERS = ("breip", "fifthhorseman", "femkeklaver", "sjfonts", "bwht")
_FONTS = Path("/usr/share/fonts")
_CELL = 64
_SURROUNDINGS = 4
_LEAST_HEIGHT = 0.35


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A real picture of one digit with what surrounds it, and the digit."""

    picture: Gray
    label: str


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What pictures are made of, for one purpose: drawn digits, drawn scraps, real crops."""

    digits: Source
    scraps: Source
    crops: tuple[Crop, ...]


def training() -> Sources:
    """What the models learn from."""
    mnist = split.hold_out(data.load("mnist", "train"), 1 / 6, seed=0)[0]
    writers = {picture.writer for picture in _numbers()} - VALIDATION_WRITERS - TEST_WRITERS
    return _sources(mnist.images, mnist.labels, part="train", writers=writers, quarter=0)


def validation() -> Sources:
    """Other writers, photos and pens: what temperature and thresholds are found on."""
    mnist = split.hold_out(data.load("mnist", "train"), 1 / 6, seed=0)[1]
    return _sources(mnist.images, mnist.labels, part="test", writers=VALIDATION_WRITERS, quarter=1)


def _sources(
    images: Images,
    labels: NDArray[np.int64],
    *,
    part: str,
    writers: Collection[str | None],
    quarter: int,
) -> Sources:
    symbols = data.load("symbols", part)
    names = np.array(symbols.label_names)[symbols.labels]
    is_digit = np.char.isdigit(names)
    digits = glyphs.mixed(
        [
            (0.42, glyphs.from_images(images, labels.astype(str).tolist())),
            (0.26, glyphs.from_pen(*_pen(part))),
            (0.08, _semeion(part)),
            (0.14, glyphs.from_images(symbols.images[is_digit], names[is_digit].tolist())),
            (0.05, glyphs.from_fonts(_fonts("truetype/dejavu"), list("0123456789"))),
            (0.05, glyphs.from_fonts(_handwriting(), list("0123456789"))),
        ]
    )
    letters = glyphs.from_images(symbols.images[~is_digit], [NONE] * int(np.count_nonzero(~is_digit)))
    pairs = [a + b for a in scraps.UNLIKE_DIGITS for b in "aekmnrtwMNW"]
    fonts = [*_handwriting(), *_fonts("truetype/dejavu")[:3]]
    others = glyphs.mixed(
        [
            (0.22, letters),
            (0.21, glyphs.from_fonts(fonts, list(scraps.UNLIKE_DIGITS), label=NONE)),
            (0.07, glyphs.from_fonts(fonts, pairs, label=NONE)),
            (0.25, scraps.several(digits)),
            (0.12, scraps.scribble),
            (0.08, scraps.scrap),
            (0.05, scraps.crossed_out(digits)),
        ]
    )
    crops = (*_number_digits(writers), *_grid_cells(quarter), *_cells(part))
    return Sources(digits=digits, scraps=others, crops=crops)


def _pen(part: str) -> tuple[NDArray[np.generic], list[str]]:
    """Pendigits: its first 7,494 rows are the published training part."""
    with np.load(io.BytesIO(files.read(FILES["pendigits"]["all"][0]).tobytes())) as held:
        rows = slice(7494) if part == "train" else slice(7494, None)
        return held["points"][rows], held["labels"][rows].astype(str).tolist()


def _semeion(part: str) -> Source:
    """Of Semeion, whose writers aren't named, every fifth row is kept apart."""
    whole = data.load("semeion", data.splits("semeion")[0])
    chosen = (np.arange(len(whole)) % 5 == 0) == (part == "test")
    return glyphs.from_images(whole.images[chosen], whole.labels[chosen].astype(str).tolist())


def _fonts(folder: str) -> list[Path]:
    found = sorted(path for path in (_FONTS / folder).glob("*.[ot]tf"))
    if not found:
        packages = " ".join((*HANDWRITING, PRINT))
        raise UserError(f"there are no fonts in {_FONTS / folder}: install {packages}")
    return found


def _handwriting() -> list[Path]:
    return [
        path
        for folder in _FONT_FOLDERS
        for kind in ("opentype", "truetype")
        for path in sorted((_FONTS / kind / folder).glob("*.[ot]tf"))
    ]


def _numbers() -> tuple[pages.Picture, ...]:
    return pages.load(known.require("numbers10"))


def _number_digits(writers: Collection[str | None]) -> list[Crop]:
    """The digits of numbers whose ten strokes stand apart, with a quarter of their height around them."""
    return [
        Crop(picture=picture, label=digit)
        for number in _numbers()
        if number.writer in writers
        for picture, digit in zip(_cut(image.decode(number.file)), number.digits, strict=False)
    ]


def _cut(line: Gray) -> list[Gray]:
    """The ten strokes of a line, from left to right; none where there aren't ten."""
    height, width = line.shape
    small = cv2.resize(line, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    paper = cv2.resize(cv2.medianBlur(small, 31), (width, height))
    ink = cv2.subtract(paper, line)
    _, inked = cv2.threshold(ink, 0, 255, cv2.THRESH_OTSU)
    _, _, boxes, centres = cv2.connectedComponentsWithStats(inked, connectivity=8)
    tall = np.flatnonzero(boxes[1:, 3] > _LEAST_HEIGHT * boxes[1:, 3].max()) + 1
    if len(tall) != 10:
        return []
    return [
        _surrounded(line, boxes[part][:4].tolist())
        for part in sorted(tall, key=lambda part: centres[part, 0])
    ]


def _surrounded(line: Gray, box: Sequence[int]) -> Gray:
    x, y, width, height = box
    more = height // _SURROUNDINGS
    return line[max(0, y - more) : y + height + more, max(0, x - more) : x + width + more]


def _grid_cells(quarter: int) -> list[Crop]:
    """The cells of a quarter of the photos, made square by the corners, with a strip of the next ones."""
    folder = local.folder(known.require("grids"))
    grids = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return [
        Crop(picture=picture, label=str(digit))
        for grid in grids[quarter::4]
        if grid["corners"] and grid["file"] not in WRONG_CORNERS
        for picture, digit in zip(
            _cells_of(image.decode(folder / grid["file"]), grid["corners"]),
            np.ravel(grid["cells"]),
            strict=True,
        )
    ]


def _cells_of(photo: Gray, corners: Sequence[Sequence[int]]) -> list[Gray]:
    side, edge = 9 * _CELL, _CELL // 16
    square = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32) + edge
    turn = cv2.getPerspectiveTransform(np.array(corners, np.float32), square)
    size = (side + 2 * edge, side + 2 * edge)
    flat = cv2.warpPerspective(photo, turn, size, borderMode=cv2.BORDER_REPLICATE)
    starts = range(0, side, _CELL)
    return [
        np.asarray(flat[y : y + _CELL + 2 * edge, x : x + _CELL + 2 * edge]) for y in starts for x in starts
    ]


def _cells(part: str) -> list[Crop]:
    folder = local.folder(known.require("cells"))
    return [
        Crop(picture=image.decode(path), label=path.parent.name)
        for digit in "123456789"
        for path in sorted((folder / digit).glob("*.jpg"))
        if is_in(part, path.name)
    ]
