"""The supervisor: opens the sockets, starts workers, puts new ones in the place of those that end."""

import itertools
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import final

from inkdigits.errors import UserError
from inkdigits.serve import settings as asked
from inkdigits.serve.board import Board
from inkdigits.serve.settings import Settings

SILENT_SECONDS = 30.0
"""How long a worker may say nothing before it is taken for dead."""

READY_SECONDS = 60.0
"""How long a worker may take until it is ready."""

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_READY, _FAILED = "ready", "failed"
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}  # a worker is one of several
_LOOK_SECONDS = 0.5
_MOST_FAILURES = 5
_BACKLOG = 1024


@dataclass(eq=False)
class _Worker:
    """A worker's process, whether it has been ready, and when it last said something."""

    process: subprocess.Popen[str]
    sockets: Sequence[socket.socket]
    is_ready: bool = False
    heard: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, kw_only=True)
class _Event:
    """What happened: a signal, or a word of a worker; its end has none."""

    signal: int | None = None
    worker: _Worker | None = None
    words: str | None = None


@final
class Supervisor:
    """Keeps so many workers at work until a signal ends it.

    `is_ready` is called with the address once one can answer; it ends the service where it raises UserError.
    """

    def __init__(self, settings: Settings, *, is_ready: Callable[[str], None]) -> None:
        self._settings = settings
        self._is_ready = is_ready
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._n_failures = 0
        self._was_ready = False

    def run(self) -> None:
        """Serves. Raises UserError where it can't begin, or workers won't start any more."""
        with ExitStack() as stack:
            sockets = stack.enter_context(_listening(self._settings))
            runtime = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inkdigits-")))
            (runtime / "board").mkdir()
            (runtime / "figures").mkdir()
            stack.enter_context(self._signals())
            stack.callback(self._kill_all)
            self._sockets, self._runtime = sockets, runtime
            for own in sockets:
                self._start(own)
            self._watch()

    def _watch(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                self._kill_silent()
                continue
            if event.signal is not None:
                self._drain()
                return
            assert event.worker is not None
            if event.words is None:
                self._replace(event.worker)
            else:
                self._hear(event.worker, event.words)

    def _start(self, sockets: Sequence[socket.socket]) -> None:
        descriptors = [each.fileno() for each in sockets]
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "inkdigits.serve.worker",
                str(self._runtime),
                *map(str, descriptors),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=descriptors,
            start_new_session=True,  # Ctrl-C is for the supervisor, which lets workers finish
            env={**os.environ, _FOLDER: str(self._runtime / "figures"), **_ENVIRONMENT},
        )
        worker = _Worker(process, sockets)
        self._workers.append(worker)
        assert process.stdin is not None
        process.stdin.write(asked.dumped(self._settings) + "\n")
        process.stdin.flush()
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()

    def _listen(self, worker: _Worker) -> None:
        """Passes on what a worker says, and at last that it has ended."""
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            self._events.put(_Event(worker=worker, words=line.rstrip("\n")))
        worker.process.wait()
        self._events.put(_Event(worker=worker))

    def _hear(self, worker: _Worker, words: str) -> None:
        worker.heard = time.monotonic()
        kind, _, rest = words.partition(" ")
        if kind == _FAILED:
            raise UserError(rest)
        if kind == _READY:
            worker.is_ready = True
            self._n_failures = 0
            if not self._was_ready:
                self._was_ready = True
                self._is_ready(_address(worker.sockets[0]))

    def _replace(self, worker: _Worker) -> None:
        """Starts another worker where one has ended."""
        self._workers.remove(worker)
        Board(self._runtime / "board").take_off(worker.process.pid)
        self._n_failures += not worker.is_ready
        if self._n_failures >= _MOST_FAILURES:
            raise UserError(
                f"{_MOST_FAILURES} workers in a row ended before they could answer; see the log above"
            )
        self._start(worker.sockets)

    def _kill_silent(self) -> None:
        for worker in self._workers:
            most = SILENT_SECONDS if worker.is_ready else READY_SECONDS
            if time.monotonic() - worker.heard > most:
                worker.process.kill()

    def _drain(self) -> None:
        """Lets every worker finish what it has begun; at a second signal they end at once."""
        for each in itertools.chain.from_iterable(self._sockets):
            each.close()
        for worker in self._workers:
            worker.process.send_signal(signal.SIGTERM)
        left = set(self._workers)
        while left:
            event = self._events.get()
            if event.signal is not None:
                return
            if event.words is None and event.worker is not None:
                left.discard(event.worker)

    def _kill_all(self) -> None:
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Within it, signals that ask to end are events."""

        def tell(number: int, _frame: FrameType | None) -> None:
            self._events.put(_Event(signal=number))

        before = {each: signal.signal(each, tell) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


@contextmanager
def _listening(settings: Settings) -> Iterator[list[list[socket.socket]]]:
    """For each worker its sockets, on every address of the host; the system deals connections out among them.

    They stay open here, so that whoever waits for a worker that has died gets the next one. Raises UserError
    where they can't be had.
    """
    with ExitStack() as stack:
        try:
            found = [
                [stack.enter_context(each) for each in sockets]
                for sockets in _of_workers(settings.host, settings.port, settings.workers)
            ]
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise UserError(f"cannot listen on {where} ({error.strerror}); try another --port") from error
        yield found


def _of_workers(host: str, port: int, n: int) -> Iterator[list[socket.socket]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, address in {(each[0], each[4]) for each in found}:
        _bound(family, address).close()  # where others listen this fails, while sharing wouldn't
    for _ in range(n):
        sockets = []
        for family, (where, _port, *more) in sorted({(each[0], each[4]) for each in found}):
            sockets.append(_bound(family, (where, port, *more), shares=True))
            port = port or sockets[0].getsockname()[1]
        yield sockets


def _bound(family: int, address: tuple[object, ...], *, shares: bool = False) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.setblocking(False)
        if shares:
            made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _address(of: socket.socket) -> str:
    host, port, *_ = of.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
