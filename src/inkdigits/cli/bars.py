"""A bar on standard error while files are read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def files_read(n: int) -> Iterator[Callable[[float], None]]:
    """What to call after each share of one of n files; the bar is gone when all are read."""
    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("reading", total=n)
        yield lambda share: shown.advance(task, share)


@contextmanager
def parts_done(what: str) -> Iterator[Callable[[int, int], None]]:
    """What to call with how many parts of a piece of work are done, and of how many."""
    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
