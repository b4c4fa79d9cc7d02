"""The known data sets: what they are, where they come from, and what may be done with them."""

from dataclasses import dataclass
from typing import Literal

from inkdigits.errors import ArgumentError

Kind = Literal["digit images", "lines", "pages"]

DIGITS = tuple("0123456789")
"""The label names of every set of digits, whatever the script."""

_FASHION = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_CELLS = (*"123456789", "blank", "candidates")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One known set. `trains_shipped_weights` says whether the weights in the package may learn from it."""

    name: str
    title: str
    kind: Kind = "digit images"
    splits: tuple[str, ...] = ("train", "test")
    split_note: str = "as published"
    label_names: tuple[str, ...] = DIGITS
    licence: str
    source: str
    trains_shipped_weights: bool


_CMATER = "https://github.com/prabhuomkar/CMATERdb @ e65568bc"

_ENTRIES = (
    Entry(
        name="mnist",
        title="MNIST: 70,000 handwritten digits of 836 writers",
        licence="CC BY-SA 3.0; writer tables (QMNIST) BSD 3-clause",
        source="Y. LeCun and C. Cortes; writers from https://github.com/facebookresearch/qmnist @ 94061367",
        trains_shipped_weights=True,
    ),
    Entry(
        name="fashion-mnist",
        title="Fashion-MNIST: 70,000 pictures of clothes, which are no digits",
        label_names=_FASHION,
        licence="MIT",
        source="https://github.com/zalandoresearch/fashion-mnist",
        trains_shipped_weights=True,
    ),
    Entry(
        name="usps",
        title="USPS: 9,298 digits from envelopes, 16×16",
        licence="none stated: for evaluation and demonstrations",
        source="The Elements of Statistical Learning, data set zipcode (Y. LeCun et al., 1990)",
        trains_shipped_weights=False,
    ),
    Entry(
        name="kannada",
        title="Kannada-MNIST: 10,000 Kannada numerals, and 10,240 harder ones by other writers as the test",
        split_note="train is the set's own test part, test is its set Dig",
        licence="CC0",
        source="https://github.com/vinayprabhu/Kannada_MNIST @ f8390ece",
        trains_shipped_weights=True,
    ),
    Entry(
        name="bangla",
        title="CMATERdb: 6,000 Bangla numerals, 32×32",
        licence="Apache 2.0",
        source=_CMATER,
        trains_shipped_weights=True,
    ),
    Entry(
        name="devanagari",
        title="CMATERdb: 3,000 Devanagari numerals, 32×32",
        licence="Apache 2.0",
        source=_CMATER,
        trains_shipped_weights=True,
    ),
    Entry(
        name="telugu",
        title="CMATERdb: 3,000 Telugu numerals, 32×32",
        licence="Apache 2.0",
        source=_CMATER,
        trains_shipped_weights=True,
    ),
    Entry(
        name="semeion",
        title="Semeion: 1,593 digits of about 80 Italian writers, 16×16",
        splits=("all",),
        split_note="none: split it by row",
        licence="CC BY 4.0, with attribution",
        source="UCI Machine Learning Repository, https://doi.org/10.24432/C5SC8V",
        trains_shipped_weights=True,
    ),
    Entry(
        name="pendigits",
        title="Pendigits: 10,992 digits of 44 writers as pen strokes, drawn smoothly",
        split_note="as published: the 14 writers of the test are not among the 30 of the training part",
        licence="CC BY 4.0, with attribution",
        source="UCI Machine Learning Repository, https://doi.org/10.24432/C5MG6K",
        trains_shipped_weights=True,
    ),
    Entry(
        name="symbols",
        title="BHMSDS: 27,000 glyphs, digits and + − · / w x y z, 28×28",
        split_note="made here: the last 300 of the 1,500 files of each class, by number, are test",
        label_names=(*DIGITS, "plus", "minus", "dot", "slash", *"wxyz"),
        licence="MIT",
        source="https://github.com/wblachowski/bhmsds @ 07d208e4",
        trains_shipped_weights=True,
    ),
    Entry(
        name="cells",
        title="Sudoku cells: 6,480 crops of phone photos, print and handwriting mixed",
        split_note="made here: a fifth of the files, chosen by the hash of their name, is test",
        label_names=_CELLS,
        licence="MIT",
        source="https://github.com/AlexKubiesa/sudoku-scanner @ 6d817756",
        trains_shipped_weights=True,
    ),
    Entry(
        name="cheque-amounts",
        title="ORAND-CAR-A: the digits of 1,080 courtesy amounts from bank cheques, cut out by their boxes",
        split_note="made here: a fifth of the cheques, chosen by the hash of their name, is test",
        licence="research use: for evaluation only",
        source="https://github.com/Fzkuji/Labeled_ORAND-CAR-A @ ffb62684",
        trains_shipped_weights=False,
    ),
    Entry(
        name="numbers10",
        title="1,190 photographed numbers of ten digits by 22 writers",
        kind="lines",
        splits=("all",),
        split_note="none: hold out writers",
        licence="MIT",
        source="https://github.com/domagojlatecki/handwritten-number-dataset @ 7bd9d519",
        trains_shipped_weights=True,
    ),
    Entry(
        name="grids",
        title="160 phone photos of newspaper sudokus, filled in by hand",
        kind="pages",
        splits=("all",),
        split_note="none: split it by image",
        label_names=tuple("123456789"),
        licence="CC BY 4.0, with attribution",
        source="https://github.com/wichtounet/sudoku_dataset @ 0db6de03",
        trains_shipped_weights=True,
    ),
)

_BY_NAME = {entry.name: entry for entry in _ENTRIES}


def catalogue() -> tuple[Entry, ...]:
    """Every known set, in the order in which `inkdigits data list` shows them."""
    return _ENTRIES


def find(name: str) -> Entry | None:
    """The known set of that name, or None."""
    return _BY_NAME.get(name)


def require(name: str) -> Entry:
    """The known set of that name; ArgumentError names the known ones."""
    entry = find(name)
    if entry is None:
        raise ArgumentError(f"unknown data set {name!r}; one of: {', '.join(_BY_NAME)}")
    return entry
