"""What one worker knows and does: the model that serves, and what waits to be read by it."""

import asyncio
import functools
import logging
import os
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.read import engine, reader
from inkdigits.read.engine import Engine
from inkdigits.read.reader import Models
from inkdigits.serve import store, watching
from inkdigits.serve.batching import Batcher
from inkdigits.serve.board import Board, Note
from inkdigits.serve.jobs import Job, Jobs
from inkdigits.serve.models import FIRST, Library, Serving
from inkdigits.serve.settings import STORE, Settings
from inkdigits.types import Document, Gray, Images, Page, Scores

if TYPE_CHECKING:
    from inkdigits.serve.store import Store

KINDS = ("auto", "digit", "number", "grid")
"""How a picture can be read over HTTP: forms need a file that lies on the server."""

DIGITS_TOGETHER = 4
QUICK_PIXELS = 250_000
QUICK_BYTES = 1 << 17
"""A PNG of so much or less, if it shows one digit, is read in the event loop: a few milliseconds."""

_PNG = struct.Struct(">8s8xII")
_PNG_BEGINS = b"\x89PNG\r\n\x1a\n"
_PNG_TEXTS = (b"zTXt", b"iTXt")

TURNS = 4
"""Of the event loop, between two calls in it: a request takes about as many until it waits or is refused."""

IMAGES_TOGETHER = 512

_LOOK_SECONDS = 0.1

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file to be read: its bytes, and its name for the answer. After `deadline` nobody waits for it."""

    content: bytes
    name: str
    kind: str
    deadline: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """What a file says, by the model of a name, and the picture of every page that was read."""

    document: Document
    model: str
    pictures: tuple[Gray | None, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """The scores of images, by the model of that name, the how manieth choice it was."""

    model: str
    sequence: int
    labels: tuple[str, ...]
    scores: Scores


@dataclass(frozen=True, kw_only=True)
class Served:
    """The model that serves, loaded."""

    name: str
    sequence: int
    models: Models

    @property
    def digits(self) -> Engine:
        """The model of single digits."""
        return self.models.digits


@final
class Service:
    """One worker's model and its batches. `load` comes before anything else."""

    def __init__(self, settings: Settings, *, runtime: Path) -> None:
        self.settings = settings
        self.library = Library(settings.models)
        self.board = Board(runtime / "board")
        environment = {} if settings.store is None else {STORE: settings.store}
        self.jobs = Jobs(settings.jobs, settings.retraining, environment)
        self.is_ready = False
        self._store: Store | None = None
        self._opening = asyncio.Lock()
        self._served: Served | None = None
        self._lines = functools.cache(lambda: engine.shipped("number", threads=1))
        limits = settings.limits
        self.digits = Batcher(
            self._read_digits,
            name="digits",
            most_waiting=limits.n_waiting_pictures,
            most_together=DIGITS_TOGETHER,
            told=watching.batch("pictures"),
            turns=TURNS,
        )
        self.images = Batcher(
            self._score,
            name="images",
            most_waiting=limits.n_waiting_images,
            most_together=IMAGES_TOGETHER,
            weight=len,
            told=watching.batch("images"),
        )
        self.documents = Batcher(
            self._read_documents, name="documents", most_waiting=limits.n_waiting_documents, most_together=1
        )

    @property
    def served(self) -> Served:
        """The model that serves now."""
        assert self._served is not None
        return self._served

    def load(self) -> None:
        """Loads the model that is to serve, or the last one before that can be loaded."""
        chosen = self.library.serving_or_first()
        for name in (chosen.name, *reversed(chosen.before)):
            if self._tried(replace(chosen, name=name)) is None:
                break
        else:
            self.take(replace(chosen, name=FIRST))
        self.is_ready = True

    def _tried(self, serving: Serving) -> str | None:
        """Lets a model serve where it can; else why it can't."""
        try:
            self.take(serving)
        except UserError as error:
            _LOG.warning("a model can't serve", extra={"about": {"model": serving.name, "error": str(error)}})
            return str(error)
        return None

    def take(self, serving: Serving) -> None:
        """Lets a model serve. Raises UserError, and changes nothing, where it can't be loaded."""
        digits = self.library.load(serving.name)
        self._served = Served(
            name=serving.name, sequence=serving.sequence, models=Models(digits=digits, lines=self._lines)
        )
        watching.serves(serving.name)

    def waits_for(self, url: bytes) -> Batcher[Any, Any] | None:
        """What a request for a URL will wait for, if it will: known before anything else of it is."""
        path, _, query = url.partition(b"?")
        if path == b"/v1/read":
            return self.digits if b"as=digit" in query else self.documents
        if path in (b"/v1/classify", b"/v1/explain") or path.endswith(b"/infer"):
            return self.images
        return None

    async def read(self, picture: Picture) -> Reading:
        """What a picture says. Raises BusyError where too many wait, UserError where it can't be read."""
        is_quick = picture.kind == "digit" and _is_quick(picture.content)
        return await (self.digits if is_quick else self.documents).ask(picture)

    def close(self) -> None:
        """Ends the threads."""
        self.is_ready = False
        for batcher in (self.digits, self.images, self.documents):
            batcher.close()
        if self._store is not None:
            self._store.close()

    async def warm_up(self) -> None:
        """Loads what is needed later, once the first requests can be answered."""
        await asyncio.to_thread(self._lines)
        try:
            await self.store()
        except UserError as error:
            _LOG.warning("the store can't be opened", extra={"about": {"error": str(error)}})

    async def follow(self) -> None:
        """Lets the model serve that was chosen last, whenever one was, and says so on the board."""
        pid = os.getpid()
        self.board.tell(pid, Note(sequence=self.served.sequence))
        seen = self.served.sequence
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                chosen = self.library.serving()
            except UserError:  # somebody has torn the file: what serves goes on until another is chosen
                continue
            if chosen.sequence != seen:
                seen = chosen.sequence
                await asyncio.to_thread(self._follow_one, chosen, pid)

    def _follow_one(self, chosen: Serving, pid: int) -> None:
        self.board.tell(pid, Note(sequence=chosen.sequence, error=self._tried(chosen)))

    async def store(self) -> "Store":
        """The store of corrections, opened when it is first asked for."""
        async with self._opening:
            if self._store is None:
                self._store = await asyncio.to_thread(self._open_store)
            return self._store

    def _open_store(self) -> "Store":
        settings = self.settings
        return store.open(
            settings.store or store.default_url(settings.folder),
            keeps_images=settings.keeps_images,
            most_waiting=settings.limits.most_waiting_corrections,
        )

    async def retrain(self) -> Job:
        """Begins to fine-tune on what was accepted.

        Raises RunningError where one runs, and UserError where there is too little to learn from.
        """
        opened = await self.store()
        accepted = await asyncio.to_thread(opened.accepted)
        if len(set(accepted.labels)) < 2:
            raise UserError("there is too little to learn from: accept corrections of two digits or more")
        return await asyncio.to_thread(self.jobs.start, n_images=len(accepted.labels))

    async def retrain_when_due(self) -> None:
        """Begins to fine-tune where enough corrections were accepted since the last time."""
        if not self.settings.retrain_after:
            return
        opened = await self.store()
        n = len((await asyncio.to_thread(opened.accepted)).labels)
        before = next((job.n_images for job in self.jobs.all()), 0)
        if n - before >= self.settings.retrain_after:
            try:
                await self.retrain()
            except UserError as error:
                _LOG.info("no fine-tuning was begun", extra={"about": {"error": str(error)}})

    def _read_digits(self, pictures: Sequence[Picture]) -> Sequence[Reading | Exception]:
        """One digit each, all scored together."""
        decoded = [_decoded(picture, self._limits) for picture in pictures]
        served = self.served
        whole = [each for each in decoded if not isinstance(each, Exception)]
        pages = iter(reader.single_digits(whole, served.models, max_error=self.settings.max_error))
        return [
            each
            if isinstance(each, Exception)
            else Reading(
                document=Document(file=picture.name, error=None, pages=(_sized(next(pages), each),)),
                model=served.name,
                pictures=(each,),
            )
            for picture, each in zip(pictures, decoded, strict=True)
        ]

    def _read_documents(self, pictures: Sequence[Picture]) -> Sequence[Reading | Exception]:
        return [
            self._read_digits([picture])[0] if picture.kind == "digit" else self._document(picture)
            for picture in pictures
        ]

    def _document(self, picture: Picture) -> Reading | Exception:
        served = self.served
        seen: dict[int, Gray] = {}
        try:
            read = reader.reading(picture.kind, served.models, max_error=self.settings.max_error)
            pages = image.pages(picture.content, name=picture.name, limits=self._limits)
            found = reader.pages_of(
                enumerate(_until(pages, picture.deadline), 1),
                read,
                lambda number, page, _read: seen.update({number: page}),
            )
            document = reader.document(picture.name, found)
        except (UserError, TimeoutError) as error:
            return error
        if len(document.pages) == 1 and document.error is not None:
            return UserError(document.error)
        shown = tuple(seen.get(number) for number in range(1, len(document.pages) + 1))
        return Reading(document=document, model=served.name, pictures=shown)

    def _score(self, items: Sequence[Images]) -> Sequence[Scored]:
        served = self.served
        scores = served.digits.classify(items[0] if len(items) == 1 else np.concatenate(items))
        ends = np.cumsum([len(each) for each in items])
        labels = served.digits.card.label_names
        return [
            Scored(model=served.name, sequence=served.sequence, labels=labels, scores=part)
            for part in np.split(scores, ends[:-1])
        ]

    @property
    def _limits(self) -> image.Limits:
        limits = self.settings.limits
        return image.Limits(n_bytes=limits.n_bytes, n_pixels=limits.n_pixels, n_pages=limits.n_pages)


def _is_quick(content: bytes) -> bool:
    """Whether a picture is decoded in a few milliseconds, whatever is in it.

    Other formats than PNG aren't: a JPEG may say many times over how all of its pixels are to be changed.
    Nor are texts in a PNG, which may be a thousand times as long as they are compressed.
    """
    if not _PNG.size <= len(content) <= QUICK_BYTES:
        return False
    begins, width, height = _PNG.unpack_from(content)
    is_small = begins == _PNG_BEGINS and 0 < width * height <= QUICK_PIXELS
    return is_small and not any(text in content for text in _PNG_TEXTS)


def _decoded(picture: Picture, limits: image.Limits) -> Gray | Exception:
    try:
        return image.decode(picture.content, name=picture.name, limits=limits)
    except UserError as error:
        return error


def _sized(page: Page, picture: Gray) -> Page:
    height, width = picture.shape
    return Page(lines=page.lines, width=width, height=height)


def _until(pages: Iterator[Any], deadline: float) -> Iterator[Any]:
    """The pages, each of them begun before the deadline. Raises TimeoutError then."""
    for page in pages:
        if time.monotonic() > deadline:
            raise TimeoutError
        yield page
