"""Digit images to train the shipped classifiers on, and to hold out: real ones, drawn ones, what is none."""

import contextlib

import cv2
import numpy as np
from numpy.random import Generator

from inkdigits import image
from inkdigits.card import NONE
from inkdigits.data.drawn import photos
from inkdigits.data.known import DIGITS
from inkdigits.errors import UserError
from inkdigits.types import SIDE, Box, Dataset, Gray, together
from runs import drawing, sources
from runs.sources import Crop, Sources

LABELS = (*DIGITS, NONE)
N = 400_000
"""Digit images to draw to train on."""

CHUNK = 500
COVERED, MISSED, MOST_TIMES = 0.75, 0.15, 4.0
"""A drawn digit is learnt where the ink that was found covers so much of it, and isn't so many times as
large; where it covers so little, what was found is learnt as none."""

INKED, NARROW, TALL, STEEP = 64, 8, 17, 0.8
"""Grey from which on a pixel is ink; pixels across a single stroke and down a high one; a steep one's width
as a share of its height."""

MIXTURE = {"training": (0.25, 0.55), "validation": (0.7, 0.1)}
"""Shares of real crops and of drawn digits; the rest is none. Confidence is judged on real ones mostly."""

_made: dict[str, Sources] = {}


def training(n: int) -> Dataset:
    """So many drawn images, and MNIST's: what the classifiers learn from."""
    return together([_drawn("training", n), sources.mnist()[0]])


def held_out(n: int) -> Dataset:
    """About a twentieth as many of other writers, photos and pens: what temperature and thresholds are of."""
    return _drawn("validation", max(CHUNK, n // 20))


def _drawn(purpose: str, n: int) -> Dataset:
    """Digit images of real crops, drawn photos of digits, and drawn photos of what is none.

    Of validation's, as many as there are real crops for.
    """
    parts = [part for part in drawing.chunks(_chunk, purpose, max(1, n // CHUNK)) if len(part)]
    return together(parts)


def _chunk(purpose: str, number: int) -> Dataset:
    random = np.random.default_rng([purpose == "training", number])
    draw = _to_learn if purpose == "training" else _to_judge
    return _dataset(draw(_sources(purpose), random, number), purpose)


def _sources(purpose: str) -> Sources:
    """Read once in each process."""
    cv2.setNumThreads(1)
    if purpose not in _made:
        _made[purpose] = sources.training() if purpose == "training" else sources.validation()
    return _made[purpose]


def _dataset(made: list[tuple[Gray, str]], purpose: str) -> Dataset:
    return Dataset(
        name="drawn digits",
        split=purpose,
        images=np.array([each for each, _ in made], np.uint8).reshape(-1, SIDE, SIDE),
        labels=np.array([LABELS.index(label) for _, label in made], np.int64),
        label_names=LABELS,
    )


def _to_learn(made: Sources, random: Generator, _number: int) -> list[tuple[Gray, str]]:
    """Real crops, the same ones again and again, drawn digits and what is none."""
    real, drawn = MIXTURE["training"]
    found: list[tuple[Gray, str]] = []
    while len(found) < CHUNK:
        kind = random.random()
        with contextlib.suppress(UserError):  # a blank one is drawn anew
            if kind < real:
                found += _real(made.crops[int(random.integers(len(made.crops)))])
            else:
                found += _digit(made, random) if kind < real + drawn else _none(made, random)
    return found


def _to_judge(made: Sources, random: Generator, number: int) -> list[tuple[Gray, str]]:
    """The next of the real crops, so that none is there twice, and a share of drawn digits and of none."""
    real, drawn = MIXTURE["validation"]
    shuffled = np.random.default_rng(0).permutation(len(made.crops))
    chosen = shuffled[number * CHUNK : (number + 1) * CHUNK].tolist()
    found: list[tuple[Gray, str]] = []
    for at in chosen:
        with contextlib.suppress(UserError):
            found += _real(made.crops[at])
    wanted = len(found) / real
    while len(found) < wanted:
        with contextlib.suppress(UserError):
            found += _digit(made, random) if random.random() < drawn / (1 - real) else _none(made, random)
    return found


def _real(crop: Crop) -> list[tuple[Gray, str]]:
    return _unless_misleading(image.digit(crop.picture), crop.label)


def _digit(made: Sources, random: Generator) -> list[tuple[Gray, str]]:
    """A drawn digit, where it is clear what of it was found."""
    glyph = made.digits(random, int(random.uniform(48, 112)))
    photo = photos.photo(glyph, random, neighbours=made.digits)
    found, box = image.find_digit(photo.picture)
    label = _visible(box, photo.box, glyph.label)
    return [] if label is None else _unless_misleading(found, label)


def _none(made: Sources, random: Generator) -> list[tuple[Gray, str]]:
    """What is drawn and no digit, where all of it was found."""
    glyph = made.scraps(random, int(random.uniform(48, 112)))
    photo = photos.photo(glyph, random)
    found, box = image.find_digit(photo.picture)
    return _unless_misleading(found, glyph.label) if _covered(box, photo.box) >= COVERED else []


def _unless_misleading(digit_image: Gray, label: str) -> list[tuple[Gray, str]]:
    """The image and its label, unless nobody could tell that it is none."""
    return [] if _is_misleading(digit_image, label) else [(digit_image, label)]


def _is_misleading(digit_image: Gray, label: str) -> bool:
    """Whether it is a single steep stroke that shall be none: as far as anyone can tell, it is a one."""
    inked = (digit_image >= INKED).astype(np.uint8)
    n_parts, _, boxes, _ = cv2.connectedComponentsWithStats(inked, connectivity=8)
    if label != NONE or n_parts != 2:
        return False
    width, height = boxes[1, cv2.CC_STAT_WIDTH], boxes[1, cv2.CC_STAT_HEIGHT]
    if height < TALL or width > STEEP * height:
        return False
    _, sides, _ = cv2.minAreaRect(np.argwhere(inked).astype(np.float32))
    return min(sides) < NARROW


def _visible(found: Box, true: Box, label: str) -> str | None:
    """What the ink that was found shows: the digit, or none of it; None where that is unclear."""
    covered = _covered(found, true)
    is_large = found.width * found.height > MOST_TIMES * true.width * true.height
    if covered >= COVERED and not is_large:
        return label
    return NONE if covered <= MISSED else None


def _covered(found: Box, true: Box) -> float:
    """The share of the true box that the found one covers: of two digits, one that was found covers half."""
    across = min(found.x + found.width, true.x + true.width) - max(found.x, true.x)
    down = min(found.y + found.height, true.y + true.height) - max(found.y, true.y)
    return max(0, across) * max(0, down) / (true.width * true.height)
