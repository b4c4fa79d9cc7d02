"""What goes into the store of corrections, and what comes out."""

import datetime
import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

from inkdigits.errors import UserError
from inkdigits.types import SIDE, Gray, Images

State = Literal["waiting", "accepted", "rejected", "withdrawn"]
"""Where a correction stands: it waits until it is reviewed; its maker may take it back before and after."""

STATES: tuple[State, ...] = get_args(State)

MOST_LABEL, MOST_SOURCE = 64, 128
"""Characters of a label, and of the name of a source or a model."""


TAKEN_BACK_COUNTS = datetime.timedelta(hours=1)
"""How long a correction that its maker took back counts against its source."""


class NotThereError(UserError):
    """There is no such correction, or it isn't this one's to take back."""


class TooManyError(UserError):
    """As many corrections of one source wait as may, or were taken back of late."""


class UnusableError(UserError):
    """The database can't be reached, read or written."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NewCorrection:
    """A digit image, uint8 (28, 28), what somebody says it is, and what the model named had answered.

    `source` is whoever says so, as far as that is known: the most that may wait counts by it.
    """

    image: Gray
    label: str
    answer: str
    confidence: float
    model: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Added:
    """What has become of a correction: a new one, or an earlier one that says the same.

    `undo` is the secret that takes a new one back, kept nowhere else; None for an earlier one.
    """

    id: int
    state: State
    undo: str | None
    is_new: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """A correction in the store. `image` is None where it isn't kept; `sha256` is that of its 784 bytes."""

    id: int
    sha256: str
    image: Gray | None
    label: str
    answer: str
    confidence: float
    model: str
    source: str
    made: datetime.datetime
    state: State


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many corrections stand where."""

    waiting: int = 0
    accepted: int = 0
    rejected: int = 0
    withdrawn: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Accepted:
    """What may be learnt from: distinct images, with the label and the source of each."""

    images: Images
    labels: tuple[str, ...]
    sources: tuple[str, ...]


def image_hash(image: Gray) -> str:
    """The SHA-256 of a digit image's 784 bytes, in hexadecimal: what tells whether two are the same."""
    return hashlib.sha256(image.tobytes()).hexdigest()


def require_usable(new: NewCorrection) -> None:
    """Raises UserError for what not every database could hold."""
    if new.image.shape != (SIDE, SIDE) or new.image.dtype != "uint8":
        raise UserError(f"a digit image is {SIDE}×{SIDE} bytes, not {new.image.shape} {new.image.dtype}")
    if not 0 <= new.confidence <= 1:
        raise UserError(f"the confidence {new.confidence} should be between 0 and 1")
    for name, text, most in (
        ("label", new.label, MOST_LABEL),
        ("answer", new.answer, MOST_LABEL),
        ("model", new.model, MOST_SOURCE),
        ("source", new.source, MOST_SOURCE),
    ):
        require_text(name, text, most=most)


def require_text(name: str, text: str, *, most: int) -> None:
    """Raises UserError for a text that is too long or no Unicode that a database takes."""
    if len(text) > most:
        raise UserError(f"the {name} has {len(text)} characters; it should have {most} at most")
    if "\0" in text or text.encode("utf-8", "replace").decode() != text:
        raise UserError(f"the {name} {text!a} should be text without NUL or halves of characters")
