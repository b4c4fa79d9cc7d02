"""Many files, by one process or several; a file that ends a process is an entry, not the end of the batch."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from inkdigits import files
from inkdigits.read import annotate, reader
from inkdigits.read.reader import Order, Reader
from inkdigits.types import Document, Gray, Page

_AHEAD = 4
_TOLD_PARTS = 3


@dataclass(frozen=True, kw_only=True)
class Job:
    """How files are read, and the folder for annotated pictures, if they are wanted."""

    order: Order
    pictures: Path | None = None


def read(paths: Sequence[Path], job: Job, *, workers: int = 1) -> Iterator[Document]:
    """What each file says, in their order. Raises UserError before any file where the model can't be read."""
    work = _worker(job)
    if workers <= 1 or len(paths) <= 1:
        yield from map(work, paths)
        return
    waiting = list(paths)
    while waiting:
        for document in _by_pool(waiting, job, workers):
            waiting.pop(0)
            yield document
        if waiting:  # the pool broke: whoever broke it is among the first ones
            yield _alone(waiting.pop(0), job)


def _by_pool(paths: Sequence[Path], job: Job, workers: int) -> Iterator[Document]:
    """The documents as far as no process dies."""
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(job,)) as pool:
        ahead: list[Future[Document]] = []
        coming = iter(paths)
        try:
            while True:
                room = _AHEAD * workers - len(ahead)
                ahead += [pool.submit(_work, path) for path in itertools.islice(coming, room)]
                if not ahead:
                    return
                yield ahead[0].result()
                ahead.pop(0)
        except BrokenProcessPool:
            return
        finally:
            pool.shutdown(cancel_futures=True)


def _alone(path: Path, job: Job) -> Document:
    with ProcessPoolExecutor(1, initializer=_start, initargs=(job,)) as pool:
        try:
            return pool.submit(_work, path).result()
        except BrokenProcessPool:
            return Document(file=str(path), error=f"{path} ended the process that read it", pages=())


_worker_of_process: Callable[[Path], Document] | None = None


def _start(job: Job) -> None:
    global _worker_of_process  # noqa: PLW0603 (a process has one)
    _worker_of_process = _worker(job)


def _work(path: Path) -> Document:
    assert _worker_of_process is not None
    return _worker_of_process(path)


def _worker(job: Job) -> Callable[[Path], Document]:
    read_page = reader.build(job.order)

    def work(path: Path) -> Document:
        if job.pictures is None:
            return reader.read(path, read_page)
        return reader.read(path, _drawing(read_page, path, job.pictures))

    return work


def _drawing(read_page: Reader, path: Path, folder: Path) -> Reader:
    """The reader, which also draws each page of the file into the folder."""
    numbers = itertools.count(1)
    name = "_".join(path.parts[-_TOLD_PARTS:]).lstrip("/")

    def read_and_draw(picture: Gray) -> Page:
        page = read_page(picture)
        files.write(folder / f"{name}-{next(numbers)}.png", annotate.png(picture, page))
        return page

    return read_and_draw
