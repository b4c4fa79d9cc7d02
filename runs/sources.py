"""Where the shipped models' glyphs come from, and who is kept apart for validation and for the test.

Only data whose licence admits it: MNIST, UCI Pendigits and Semeion, the symbols of BHMSDS, `numbers10`,
`grids`, `cells`, and fonts of Debian's packages. Writers and photos of the test are never drawn with.
"""

import io
import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits import data, image
from inkdigits.card import NONE
from inkdigits.data import files, known, local, pages, split
from inkdigits.data.crops import is_in
from inkdigits.data.drawn import forms, glyphs, hands, scraps
from inkdigits.data.drawn.glyphs import Source
from inkdigits.data.drawn.hands import Hands
from inkdigits.data.drawn.lines import DrawnLine
from inkdigits.data.pinned import FILES
from inkdigits.errors import UserError
from inkdigits.types import Dataset, Gray, Images

VALIDATION_WRITERS = frozenset({"writer-03", "writer-11", "writer-19"})
TEST_WRITERS = frozenset({"writer-04", "writer-08", "writer-12", "writer-16", "writer-20"})
"""Of `numbers10`, drawn once by taking every fourth; the others are trained on."""

DOUBTFUL = frozenset({"0380", "0697", "0702", "0710"})
"""Pictures of `numbers10` that aren't drawn with: a digit is written over another, or there are eleven.

They were found among the surest mistakes on held-out lines: an error rate of one in two hundred, found on
two hundred numbers, doesn't bear three that nobody can read for sure. Figures of numbers are of all.
"""

HANDWRITING = ("fonts-breip", "fonts-dkg-handwriting", "fonts-femkeklaver", "fonts-sjfonts", "fonts-bwht")
PRINT = "fonts-dejavu-core"
"""Debian's packages of fonts."""

FORMS = 0.3
"""The weight, beside 1.05 of all other hands, of the forms that are written down in `data.drawn.forms`."""

_SHEETS = ("training", "training", "test", "test", "validation")
_FONT_FOLDERS = ("breip", "fifthhorseman", "femkeklaver", "sjfonts", "bwht")
_FONTS = Path("/usr/share/fonts")
_SURROUNDINGS = 4
_LEAST_HEIGHT = 0.35
_PENCIL_MARKS = 5
_WIDEST = 1.7
_BAR_GAP, _BAR_MASS = 0.3, 0.02
_SIGNS = "#$=*+-:"
_SYMBOLS_A_CLASS = 300
"""Of each class in the later part, in order."""
_LETTERS = 2 * "ACDEFGHJKLMNPQRTUVWXYabcdefhkmnprtuvwxyÄÖäöüß" + "OISZBgloqsizj"
"""Those that look like digits among many that don't, as in words."""


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A real picture of one digit with what surrounds it, and the digit."""

    picture: Gray
    label: str


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What pictures are made of, for one purpose.

    `digits`, `scraps` and `crops` make single digits: drawn ones, what is none, and real ones. `hands`,
    `words`, `signs` and `lines` make lines: who writes numbers and what is none, what may stand beside
    numbers, and real ones.
    """

    digits: Source
    scraps: Source
    crops: tuple[Crop, ...]
    hands: Hands
    words: Hands
    signs: Source
    lines: tuple[DrawnLine, ...]


def training() -> Sources:
    """What the models learn from."""
    return _sources("training", mnist()[0])


def validation() -> Sources:
    """Other writers, photos and pens: what temperature and thresholds are found on."""
    return _sources("validation", mnist()[1])


def writers(part: str) -> frozenset[str | None]:
    """The writers of `numbers10` for `training`, `validation` or `test`."""
    kept = {"validation": VALIDATION_WRITERS, "test": TEST_WRITERS}
    if part in kept:
        return frozenset(kept[part])
    return frozenset(picture.writer for picture in _numbers()) - VALIDATION_WRITERS - TEST_WRITERS


def symbols(part: str) -> Dataset:
    """Signs, letters and digits: of the later half of the writers, the first are for validation."""
    whole = data.load("symbols", "train" if part == "training" else "test")
    if part == "training":
        return whole
    of_class = np.arange(len(whole)) % _SYMBOLS_A_CLASS  # in the order of writers
    return whole.select(np.flatnonzero((of_class < _SYMBOLS_A_CLASS // 2) != (part == "test")), split=part)


def cells(part: str) -> list[Path]:
    """The pictures of `cells`, in a folder for each class; those held out are taken by turns."""
    folder = local.folder(known.require("cells"))
    split_of = "train" if part == "training" else "test"
    chosen = [path for path in sorted(folder.glob("*/*.jpg")) if is_in(split_of, path.name)]
    return chosen if part == "training" else chosen[part == "test" :: 2]


def mnist() -> tuple[Dataset, Dataset]:
    """MNIST's training images, by writers: those to draw with, and a sixth kept apart."""
    return split.hold_out(data.load("mnist", "train"), 1 / 6, seed=0)


def _sources(part: str, mnist: Dataset) -> Sources:
    signs = symbols(part)
    names = np.array(signs.label_names)[signs.labels]
    is_digit = np.char.isdigit(names)
    images, labels = mnist.images, mnist.labels.astype(str).tolist()
    digits = glyphs.mixed(
        [
            (0.42, glyphs.from_images(images, labels)),
            (0.26, glyphs.from_pen(*_pen(part))),
            (0.08, glyphs.from_images(*_semeion(part))),
            (0.14, glyphs.from_images(signs.images[is_digit], names[is_digit].tolist())),
            (0.05, glyphs.from_fonts(_fonts("truetype/dejavu"), list("0123456789"))),
            (0.05, glyphs.from_fonts(_handwriting(), list("0123456789"))),
        ]
    )
    letters = glyphs.from_images(signs.images[~is_digit], [NONE] * int(np.count_nonzero(~is_digit)))
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
    in_grids = _grid_cells(part)
    written = hands.mixed(
        [
            (0.28, _number_hands(part)),
            (0.27, hands.from_images(images, labels, writers=mnist.groups)),
            (0.21, hands.from_pen(*_pen(part))),
            (0.07, hands.from_images(signs.images[is_digit], names[is_digit].tolist())),
            (0.04, hands.from_images(*_semeion(part))),
            (0.08, _cell_hands(in_grids)),
            (0.06, hands.from_fonts(_handwriting())),
            (0.04, hands.from_fonts(_fonts("truetype/dejavu"))),
            *([(FORMS, forms.hands())] if part == "training" else []),
        ]
    )
    return Sources(
        digits=digits,
        scraps=others,
        crops=(*number_digits(part), *in_grids, *_cells(part)),
        hands=written,
        words=hands.mixed(
            [
                (0.7, hands.from_fonts(fonts, _LETTERS, writes_digits=False)),
                (0.15, hands.from_scraps(letters)),
                (0.15, hands.from_scraps(glyphs.mixed([(0.7, scraps.scribble), (0.3, scraps.scrap)]))),
            ]
        ),
        signs=glyphs.from_fonts(fonts, list(_SIGNS), label=NONE),
        lines=_lines(part),
    )


def _cell_hands(cells: Sequence[Crop]) -> Hands:
    """The digits of cells as they come, print and pen: a hand for all, which has no 0."""
    found = [(crop.label, ink) for crop in cells for ink in _digit_image(crop.picture)]
    return hands.from_images(np.stack([ink for _, ink in found]), [label for label, _ in found], n_digits=9)


def _digit_image(picture: Gray) -> list[Gray]:
    try:
        return [image.digit(picture)]
    except UserError:
        return []


def _lines(part: str) -> tuple[DrawnLine, ...]:
    chosen = writers(part)
    return tuple(
        DrawnLine(picture=picture, text=number.digits, cuts=_gaps(_cut(picture)))
        for number in _numbers()
        if number.writer in chosen
        for picture in [image.decode(number.file)]
    )


def _gaps(cut: Sequence[tuple[Gray, list[int]]]) -> tuple[tuple[int, int], ...]:
    """Where neighbours don't reach over each other: how many digits stand before, and the gap's middle."""
    boxes = [box for _, box in cut]
    return tuple(
        (at + 1, (x + width + following[0]) // 2)
        for at, ((x, _, width, _), following) in enumerate(itertools.pairwise(boxes))
        if x + width <= following[0]
    )


def _pen(part: str) -> tuple[NDArray[np.generic], list[str]]:
    """Pendigits: its first 7,494 rows are the published training part."""
    with np.load(io.BytesIO(files.read(FILES["pendigits"]["all"][0]).tobytes())) as held:
        rows = slice(7494) if part == "training" else slice(7494, None)
        return held["points"][rows], held["labels"][rows].astype(str).tolist()


def _semeion(part: str) -> tuple[Images, list[str]]:
    """Of Semeion, whose writers aren't named, every fifth row is kept apart."""
    whole = data.load("semeion", data.splits("semeion")[0])
    chosen = (np.arange(len(whole)) % 5 == 0) != (part == "training")
    return whole.images[chosen], whole.labels[chosen].astype(str).tolist()


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


def _numbers() -> list[pages.Picture]:
    return [each for each in pages.load(known.require("numbers10")) if each.file.stem not in DOUBTFUL]


def number_digits(part: str, writer: str | None = None) -> list[Crop]:
    """The digits of numbers whose ten strokes stand apart, with what is around them up to the next digits.

    Of all writers of the part, or of one.
    """
    chosen = writers(part) if writer is None else {writer}
    return [
        Crop(picture=picture, label=digit)
        for number in _numbers()
        if number.writer in chosen
        for line in [image.decode(number.file)]
        for picture, digit in zip(
            _surrounded(line, [box for _, box in _cut(line)]), number.digits, strict=False
        )
    ]


def _number_hands(part: str) -> Hands:
    """The hands of writers, of the strokes that stand apart."""
    cut: dict[str | None, dict[str, list[Gray]]] = defaultdict(lambda: defaultdict(list))
    chosen = writers(part)
    for number in _numbers():
        if number.writer in chosen:
            for (ink, _), digit in zip(_cut(image.decode(number.file)), number.digits, strict=False):
                cut[number.writer][digit].append(ink)
    return hands.from_ink([inks for inks in cut.values() if len(inks) == 10])


def _cut(line: Gray) -> list[tuple[Gray, list[int]]]:
    """The ten strokes of a line, from left to right, each with its box; none unless ten single ones."""
    height, width = line.shape
    small = cv2.resize(line, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    paper = cv2.resize(cv2.medianBlur(small, 31), (width, height))
    ink = cv2.subtract(paper, line)
    _, inked = cv2.threshold(ink, 0, 255, cv2.THRESH_OTSU)
    _, parts, stats, centres = cv2.connectedComponentsWithStats(inked, connectivity=8)
    boxes = np.asarray(stats, np.int32)
    tall = np.flatnonzero(boxes[1:, 3] > _LEAST_HEIGHT * boxes[1:, 3].max()) + 1
    if len(tall) != 10 or (boxes[tall, 2] > _WIDEST * boxes[tall, 3]).any():
        return []
    gain = 255 / max(30.0, float(np.percentile(ink[inked > 0], 80)))
    found = []
    for part in tall[np.argsort(centres[tall, 0])].tolist():
        own = np.array([part, *_belonging(boxes, int(part), tall)], np.int64)
        ends = boxes[own, :2] + boxes[own, 2:4]
        (x, y), (right, foot) = boxes[own, :2].min(axis=0).tolist(), ends.max(axis=0).tolist()
        where = slice(y, foot), slice(x, right)
        mask = cv2.dilate(np.isin(parts[where], own).astype(np.uint8), np.ones((3, 3), np.uint8))
        found.append(
            (np.clip(ink[where] * gain, 0, 255).astype(np.uint8) * mask, [x, y, right - x, foot - y])
        )
    return found


def _belonging(boxes: NDArray[np.integer], main: int, tall: NDArray[np.integer]) -> list[int]:
    """The small strokes above or under a tall one that are of its digit, such as the bar of a 5."""
    x, y, width, height, _ = boxes[main].tolist()
    left, top, right, foot = boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    shared = np.minimum(right, x + width) - np.maximum(left, x)
    gap = np.maximum(top - (y + height), y - foot)
    near = (
        (shared >= 0.5 * boxes[:, 2])
        & (gap <= _BAR_GAP * height)
        & (boxes[:, 4] >= _BAR_MASS * boxes[main, 4])
    )
    near[0] = near[tall] = False
    return [int(at) for at in np.flatnonzero(near)]


def _surrounded(line: Gray, boxes: Sequence[Sequence[int]]) -> list[Gray]:
    """The digit in each box, with a quarter of its height around it, but nothing of its neighbours' boxes."""
    found = []
    for at, (x, y, width, height) in enumerate(boxes):
        more = height // _SURROUNDINGS
        before = boxes[at - 1][0] + boxes[at - 1][2] if at else 0
        behind = boxes[at + 1][0] if at + 1 < len(boxes) else line.shape[1]
        left = min(x, max(x - more, before, 0))
        right = max(x + width, min(x + width + more, behind))
        found.append(line[max(0, y - more) : y + height + more, left:right])
    return found


def _grid_cells(part: str) -> list[Crop]:
    """The cells of photos of that part's sheets, where the grid is found."""
    found = []
    for photo, cells in sheets(part):
        try:
            grid = image.find_grid(image.decode(photo))
        except UserError:
            continue
        if (len(grid.rows), len(grid.columns)) == (10, 10):
            found += [
                Crop(picture=grid.cell(row, column), label=str(cells[row][column]))
                for row in range(9)
                for column in range(9)
            ]
    return found


def sheets(part: str) -> list[tuple[Path, list[list[int]]]]:
    """The photos of `grids` and what their cells say, of the sheets that are for that part.

    The 160 photos are of 63 sheets, some of them photographed a dozen times: they are kept together. Of
    every five sheets two are for training, one for validation and two for the test.
    """
    folder = local.folder(known.require("grids"))
    grids = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    by_sheet: dict[str, list[tuple[Path, list[list[int]]]]] = defaultdict(list)
    for grid in grids:
        by_sheet[str(grid["cells"])].append((folder / grid["file"], grid["cells"]))
    return [
        photo for at, photos in enumerate(by_sheet.values()) if _SHEETS[at % 5] == part for photo in photos
    ]


def _cells(part: str) -> list[Crop]:
    """Cells with a digit; blank ones and pencil marks, few of which there are to learn, as what is none."""
    repeated = {"candidates": _PENCIL_MARKS} if part == "training" else {}
    return [
        Crop(picture=image.decode(path), label=kind if kind.isdigit() else NONE)
        for path in cells(part)
        for kind in [path.parent.name]
        for _ in range(repeated.get(kind, 1))
    ]
