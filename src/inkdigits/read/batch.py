"""Many files, by one process or several; with several, a file that ends its process doesn't end the batch."""

import contextlib
import hashlib
import itertools
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path

import cv2

from inkdigits import files, image
from inkdigits.errors import UserError, show_warning
from inkdigits.read import annotate, reader
from inkdigits.read.reader import OnPage, Order
from inkdigits.types import Document, Gray, Page

PAGES = 8
"""Pages of one file that are read in one go."""

_AHEAD = 4
_LONGEST_STEM = 100


@dataclass(frozen=True, kw_only=True)
class Job:
    """How files are read, and the folder for annotated pictures, if they are wanted."""

    order: Order
    pictures: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file, or some of its n pages: from `first`, counted from 0, to before `end`."""

    path: Path
    first: int = 0
    end: int | None = None
    n: int | None = None

    @property
    def is_last(self) -> bool:
        """Whether the file ends with it."""
        return self.end == self.n

    @property
    def share(self) -> float:
        """How much of the file it is."""
        return 1.0 if self.end is None or self.n is None else (self.end - self.first) / self.n


def parts(paths: Sequence[Path]) -> list[Part]:
    """The files in parts of up to `PAGES` pages: for several processes, and to go on in the middle of one."""
    return [part for path in paths for part in _parts(path)]


def _parts(path: Path) -> Iterator[Part]:
    try:
        n = image.n_pages(path)
    except UserError:  # said again where it is read
        n = 1
    if n <= PAGES:
        yield Part(path=path)
        return
    for first in range(0, n, PAGES):
        yield Part(path=path, first=first, end=min(n, first + PAGES), n=n)


def read(wanted: Sequence[Part], job: Job, *, workers: int = 1) -> Iterator[Document]:
    """What each part says, in their order.

    Raises UserError before any part where the model can't be read, or pictures can't be written.
    """
    work = _worker(job)
    if job.pictures is not None:
        _try(job.pictures)
    if workers <= 1 or len(wanted) <= 1:
        yield from map(work, wanted)
        return
    waiting = list(wanted)
    while waiting:
        for document in _by_pool(waiting, job, workers):
            waiting.pop(0)
            yield document
        if waiting:  # the pool broke: whoever broke it is among the first ones
            yield _alone(waiting.pop(0), job)


def _try(folder: Path) -> None:
    """Raises UserError where no file can be written into the folder."""
    trial = folder / ".inkdigits"
    files.write(trial, b"")
    trial.unlink(missing_ok=True)


def _pool(workers: int, job: Job) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start, initargs=(job,))


def _by_pool(wanted: Sequence[Part], job: Job, workers: int) -> Iterator[Document]:
    """The documents as far as no process dies."""
    with _pool(workers, job) as pool:
        ahead: list[Future[Document]] = []
        coming = iter(wanted)
        try:
            while True:
                room = _AHEAD * workers - len(ahead)
                with _ctrl_c_held_back():
                    ahead += [pool.submit(_work, part) for part in itertools.islice(coming, room)]
                if not ahead:
                    return
                yield ahead[0].result()
                ahead.pop(0)
        except BrokenProcessPool:
            return
        finally:
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Processes begun meanwhile get no Ctrl-C, which Python would tell at length, before they allow it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _alone(part: Part, job: Job) -> Document:
    with _pool(1, job) as pool:
        try:
            with _ctrl_c_held_back():
                coming = pool.submit(_work, part)
            return coming.result()
        except BrokenProcessPool:
            which = "" if part.end is None else f"pages {part.first + 1} to {part.end} of "
            error = f"{which}{part.path} ended the process that read it"
            return Document(file=str(part.path), error=error, pages=())


_worker_of_process: Callable[[Part], Document] | None = None


def _start(job: Job) -> None:
    global _worker_of_process  # noqa: PLW0603 (a process has one)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once; the first process says so
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warnings.showwarning = show_warning
    cv2.setNumThreads(1)
    _worker_of_process = _worker(job)


def _end_with_parent() -> None:
    """Ends this process when the one that began it is gone, however that went."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(part: Part) -> Document:
    assert _worker_of_process is not None
    return _worker_of_process(part)


def _worker(job: Job) -> Callable[[Part], Document]:
    read_page = reader.build(job.order)

    def work(part: Part) -> Document:
        on_page = None if job.pictures is None else _drawing(part.path, job.pictures)
        return reader.read(part.path, read_page, on_page=on_page, first=part.first, end=part.end)

    return work


def picture(folder: Path, file: Path, number: int) -> Path:
    """Where a page of a file, counted from 1, is drawn: files of one name in several folders stay apart."""
    mark = hashlib.sha256(str(file).encode(errors="surrogateescape")).hexdigest()[:6]
    stem = file.stem.encode(errors="replace")[:_LONGEST_STEM].decode(errors="ignore")
    return folder / f"{stem}-{mark}-{number}.png"


def _drawing(path: Path, folder: Path) -> OnPage:
    """Draws each page of a file into the folder; a picture that can't be written loses nothing else."""

    def draw(number: int, shown: Gray, page: Page) -> None:
        drawn = picture(folder, path, number)
        with contextlib.suppress(OSError):
            drawn.unlink(missing_ok=True)  # else it would stay, and tell what was read another time
        try:
            files.write(drawn, annotate.png(shown, page))
        except UserError as error:
            warnings.warn(str(error), UserWarning, stacklevel=2)

    return draw
