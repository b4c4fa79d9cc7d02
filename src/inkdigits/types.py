"""The words that the rooms share.

Digit images are `Images`: uint8, (n, 28, 28), **bright ink on black**, the ink scaled with its
aspect kept into 20×20 pixels and centred by its mass, as MNIST was made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import UserError

SIDE = 28
"""Pixels along each side of a digit image."""

Gray = NDArray[np.uint8]
"""A grey picture: uint8, (height, width)."""

Images = NDArray[np.uint8]
"""Digit images: uint8, (n, 28, 28), bright ink on black."""

Labels = NDArray[np.int64]
"""Classes as positions in `Dataset.label_names`: int64, (n,)."""

Scores = NDArray[np.float32]
"""Probabilities: float32, (n, classes); every row sums to 1."""

Classifier = Callable[[Images], Scores]
"""What every model is to the rest of the package, whichever engine runs it."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle in pixels of the page: its left upper corner, x to the right and y downwards."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Digit:
    """One digit that was read: what it is, how surely, and where."""

    label: str
    confidence: float
    box: Box


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A number that meets the checks; its probability by the scores alone, and by scores and checks."""

    text: str
    probability: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """Digits that belong together; `confidence` is the probability that the whole text is right.

    `reason` says why it isn't `accepted`, None where it is. Where something was known of the number before,
    `candidates` holds the best match and the three next.
    """

    text: str
    confidence: float
    accepted: bool
    reason: str | None
    box: Box
    digits: tuple[Digit, ...]
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Field(Line):
    """One field of a form, as a line with a name.

    `kind` is `number`, `boxes` or `choice`. A box without a digit adds nothing to the text, one that can't be
    read a question mark. Of a choice, the text names the marked options, and `confidence` says how far the
    ink in each is from what would be unclear: no probability that was measured, or that `max_error` is about.
    `box` is the field's place in the picture. `candidates` are those of a number with checks.
    """

    name: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, its lines in reading order.

    `width` and `height` are those of the picture that all boxes are places in, in pixels; of a page that
    couldn't be read they are None. PDFs are drawn, so that theirs aren't in the file.

    Of a page that is a form, `fields` are its fields, each of which is a line too; of others it is None.

    Of a page that is a grid, `grid` holds the rows of its cells, `""` for one that is empty or that can't be
    read, and every cell is a line, row by row, whose reason says which; of others it is None. `error` says
    why a page of a document couldn't be read.
    """

    lines: tuple[Line, ...]
    fields: tuple[Field, ...] | None = None
    grid: tuple[tuple[str, ...], ...] | None = None
    error: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, kw_only=True)
class Document:
    """What was read in one file, or the sentence that says why it wasn't."""

    file: str
    error: str | None
    pages: tuple[Page, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines:
    """Labelled strips (see `image.strip`): one split of one set of lines of digits.

    `strips` are uint8, (32, width) each; `texts` is what they say, in characters of `label_names`.
    """

    name: str
    split: str
    strips: tuple[Gray, ...]
    texts: tuple[str, ...]
    label_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.strips)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Labelled digit images: one split of one set.

    `groups` gives the writer (or another source that must not be divided between splits) of each
    row, int64 (n,), or None where that isn't known.
    """

    name: str
    split: str
    images: Images
    labels: Labels
    label_names: tuple[str, ...]
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def select(self, rows: NDArray[np.int64], *, split: str) -> "Dataset":
        """The given rows, in the given order, as a split of that name."""
        groups = None if self.groups is None else self.groups[rows]
        return Dataset(
            name=self.name,
            split=split,
            images=self.images[rows],
            labels=self.labels[rows],
            label_names=self.label_names,
            groups=groups,
        )

    def relabelled(self, names: tuple[str, ...]) -> "Dataset":
        """The same images, their labels as positions in other names.

        Raises UserError where an image's label isn't among them.
        """
        lacking = sorted({self.label_names[label] for label in np.unique(self.labels).tolist()} - set(names))
        if lacking:
            raise UserError(f"{self.name} has the label {lacking[0]!r}; the labels are {', '.join(names)}")
        position = np.array(
            [names.index(name) if name in names else -1 for name in self.label_names], np.int64
        )
        return replace(self, labels=position[self.labels], label_names=names)


def together(parts: Sequence[Dataset]) -> Dataset:
    """The images of sets with the same labels, one behind the other; their writers are left out."""
    return Dataset(
        name=" and ".join(dict.fromkeys(part.name for part in parts)),
        split=parts[0].split,
        images=np.concatenate([part.images for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        label_names=parts[0].label_names,
    )
