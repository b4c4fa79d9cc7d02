"""The store of corrections: what people say a digit is, kept until somebody accepts it.

It lies in SQLite or PostgreSQL and is only ever added to: what was decided about a correction is a row of its
own. The one thing that can be taken out are the images.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from inkdigits.errors import UserError
from inkdigits.serve.entries import (
    Accepted,
    Added,
    Counts,
    NewCorrection,
    NotThereError,
    State,
    Stored,
    TooManyError,
    UnusableError,
    image_hash,
)

__all__ = [
    "Accepted",
    "Added",
    "Counts",
    "NewCorrection",
    "NotThereError",
    "State",
    "Store",
    "Stored",
    "TooManyError",
    "UnusableError",
    "default_url",
    "image_hash",
    "open",
]

_FILE = "corrections.sqlite3"


class Store(Protocol):
    """Corrections in a database; any thread may call. Each call is one transaction.

    Every method raises UnusableError where the database fails: it can't be reached, its disk is full.
    """

    def add(self, new: NewCorrection) -> Added:
        """The correction as it is kept from now on, waiting; or an earlier one that says the same.

        That is one of the same image that waits, or the one of it that counts now. Raises TooManyError where
        the source has as many waiting as it may, or took as many back within the hour, and UserError for what
        can't be kept.
        """
        ...

    def withdraw(self, id: int, undo: str) -> State:  # noqa: A002
        """The state of a correction that its maker takes back: withdrawn, or rejected where it was before.

        Raises NotThereError where there is no such correction, or this isn't the secret it was made with.
        """
        ...

    def review(self, ids: Iterable[int], *, accept: bool, by: str) -> int:
        """How many of these corrections waited, and are accepted or rejected now."""
        ...

    def corrections(self, state: State | None = None, *, limit: int, after: int = 0) -> tuple[Stored, ...]:
        """The first `limit` corrections in that state, or in any, whose id is above `after`; oldest first."""
        ...

    def counts(self) -> Counts:
        """How many corrections stand where."""
        ...

    def accepted(self) -> Accepted:
        """What may be learnt from: every image that is kept and accepted once, as it was accepted last.

        In the order of their ids.
        """
        ...

    def delete_image(self, sha256: str) -> bool:
        """Whether that image was kept; now it is gone for good, and its corrections are withdrawn.

        The rest is written anew for it. Sent again, the image is like any other. PostgreSQL's own log and
        its backups may hold the image until they are replaced.
        """
        ...

    def delete_images(self) -> int:
        """How many images were kept, one for each correction; now they are gone for good, as above."""
        ...

    def close(self) -> None:
        """Closes all connections."""
        ...


def open(  # noqa: A001 (as gzip.open)
    url: str, *, keeps_images: bool = True, most_waiting: int = 200
) -> Store:
    """The store at `sqlite:///FILE` or `postgresql://…`, made or upgraded where need be, for any thread.

    A relative FILE is in the current folder; all after the three slashes is its name, as it stands. Where
    `keeps_images` is false, only the hashes of images are kept. `most_waiting` corrections of one source may
    wait, and as many be taken back by it in an hour. Raises UserError for a URL of another kind, another
    program's database, one written by a newer version, and one that can't be reached or written; no password
    is in its sentence.
    """
    try:
        from inkdigits.serve import ledger  # noqa: PLC0415 (SQLAlchemy takes a third of a second)

        return ledger.opened(url, keeps_images=keeps_images, most_waiting=most_waiting)
    except ImportError as error:
        raise UserError("the store needs pip install 'inkdigits[serve]'") from error


def default_url(folder: Path) -> str:
    """The URL of the SQLite store in that folder."""
    return f"sqlite:///{folder.absolute() / _FILE}"
