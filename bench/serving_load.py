"""Load on an HTTP service from a process of its own, as little of the processor as Python can take for it.

`python -m bench.serving_load HOST PORT FOLDER …` sends the requests that lie in a folder, each a file as it
goes over the wire, in turn, and prints one line of JSON. With `--rate` so many are due every second, whatever
became of those before, and a latency counts from when its request was due, not from when a connection was
free for it; without, each of the connections sends its next request when the last is answered.
"""

import argparse
import json
import random
import select
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

_READ = 1 << 18
_LOOK_SECONDS = 0.25
_IN, _OUT = select.EPOLLIN | select.EPOLLRDHUP, select.EPOLLOUT


@dataclass(frozen=True, kw_only=True)
class Load:
    """What to send: for so many `seconds`, or `count` requests, or whichever ends first.

    `rate` is requests a second, 0 as fast as they are answered; `is_even` has them due at equal distances,
    else at random ones, as from many who know nothing of each other. Who isn't answered in `hang` s never is.
    """

    connections: int
    seconds: float
    count: int = 0
    rate: float = 0.0
    is_even: bool = False
    hang: float = 40.0


@dataclass(eq=False, slots=True)
class _Connection:
    """A connection; `due` is when its request was, 0 where none is on its way."""

    socket: socket.socket
    number: int
    due: float = 0.0
    sent: float = 0.0
    unsent: memoryview | None = None
    held: bytes = b""


@dataclass(eq=False)
class Told:
    """What came of it: latencies in s by status, and what wasn't answered.

    `cut` were under way when their connection ended, `refused` found no connection, `hung` had no answer in
    time, and `unsent` were due but waited for a free connection when time was up.
    """

    latencies: dict[int, list[float]] = field(default_factory=dict)
    n_sent: int = 0
    cut: int = 0
    refused: int = 0
    hung: int = 0
    unsent: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    n_in_time: Counter[int] = field(default_factory=Counter)


@final
class Sender:
    """Sends a load to an address."""

    def __init__(self, address: tuple[str, int], requests: Sequence[bytes], load: Load) -> None:
        self._address = address
        self._requests = requests
        self._load = load
        self._told = Told()
        self._epoll = select.epoll()
        self._by_number: dict[int, _Connection] = {}
        self._idle: deque[_Connection] = deque()
        self._random = random.Random(0)  # noqa: S311 (no secret)
        self._next_due = self._ends = 0.0

    def run(self) -> Told:
        """All of it; returns when everything sent was answered or given up."""
        load, before = self._load, time.process_time()
        for _ in range(load.connections):
            self._connect()
        started = looked = time.perf_counter()
        self._next_due, self._ends = started, started + load.seconds
        while True:
            now = time.perf_counter()
            self._send_due(now)
            if now - looked > _LOOK_SECONDS:
                looked = now
                self._give_up(now)
            if self._is_over(now) and len(self._idle) == len(self._by_number):
                break
            self._wait(now)
        self._told.seconds = min(time.perf_counter(), self._ends) - started
        self._told.cpu_seconds = time.process_time() - before
        if load.rate and self._ends > self._next_due and not self._is_all_sent():
            self._told.unsent = round((self._ends - self._next_due) * load.rate)
        return self._told

    def _is_all_sent(self) -> bool:
        return 0 < self._load.count <= self._told.n_sent

    def _is_over(self, now: float) -> bool:
        return now >= self._ends or self._is_all_sent()

    def _send_due(self, now: float) -> None:
        if not self._load.rate:
            while self._idle and not self._is_over(now):
                self._send(self._idle.popleft(), now)
            return
        while self._next_due <= now and self._idle and not self._is_over(now):
            self._send(self._idle.popleft(), self._next_due)
            self._next_due += self._gap()

    def _gap(self) -> float:
        return 1 / self._load.rate if self._load.is_even else self._random.expovariate(self._load.rate)

    def _wait(self, now: float) -> None:
        """Until something can be read or is due; to the microsecond, which epoll can't by itself."""
        if self._load.rate and self._idle and not self._is_over(now):
            select.select([self._epoll], [], [], max(0.0, min(self._next_due - now, _LOOK_SECONDS)))
            ready = self._epoll.poll(0)
        else:
            ready = self._epoll.poll(_LOOK_SECONDS)
        for number, events in ready:
            connection = self._by_number.get(number)
            if connection is None:
                continue
            if events & _OUT and connection.unsent is not None:
                self._go_on(connection)
            if events & ~_OUT and number in self._by_number:
                self._receive(connection)

    def _connect(self) -> None:
        """One more connection; where none is to be had, that is counted, and it is tried again."""
        while True:
            try:
                made = socket.create_connection(self._address, timeout=5)
                break
            except OSError:
                self._told.refused += 1
                if time.perf_counter() > self._ends:
                    raise
                time.sleep(0.01)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setblocking(False)
        connection = _Connection(made, made.fileno())
        self._by_number[connection.number] = connection
        self._epoll.register(made, _IN)
        self._idle.append(connection)

    def _send(self, connection: _Connection, due: float) -> None:
        request = self._requests[self._told.n_sent % len(self._requests)]
        self._told.n_sent += 1
        connection.due = due
        connection.sent = time.perf_counter()
        try:
            n = connection.socket.send(request)
        except BlockingIOError:
            n = 0
        except OSError:
            self._lose(connection)
            return
        if n < len(request):
            connection.unsent = memoryview(request)[n:]
            self._epoll.modify(connection.socket, _IN | _OUT)

    def _go_on(self, connection: _Connection) -> None:
        """Sends more of a request that didn't go out in one piece."""
        assert connection.unsent is not None
        try:
            left = connection.unsent[connection.socket.send(connection.unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._lose(connection)
            return
        connection.unsent = left or None
        if not left:
            self._epoll.modify(connection.socket, _IN)

    def _receive(self, connection: _Connection) -> None:
        try:
            content = connection.socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if not content:
            self._lose(connection)
            return
        content = connection.held + content if connection.held else content
        end = content.find(b"\r\n\r\n")
        if end < 0 or len(content) < end + 4 + _length(content[:end]):
            connection.held = content
            return
        self._take(connection, int(content[9:12]), content[:end])

    def _take(self, connection: _Connection, status: int, head: bytes) -> None:
        """An answer."""
        now = time.perf_counter()
        self._told.latencies.setdefault(status, []).append(now - connection.due)
        if now <= self._ends:
            self._told.n_in_time[status] += 1
        connection.due, connection.held = 0.0, b""
        if connection.unsent is not None or b"connection: close" in head.lower():
            self._replace(connection)
        else:
            self._idle.append(connection)

    def _lose(self, connection: _Connection) -> None:
        """A connection that the other side has ended; in between two requests it may."""
        if connection.due:
            self._told.cut += 1
        else:
            self._idle.remove(connection)
        self._replace(connection)

    def _give_up(self, now: float) -> None:
        """Whatever has waited for too long."""
        late = [each for each in self._by_number.values() if each.due and now - each.sent > self._load.hang]
        for connection in late:
            self._told.hung += 1
            self._replace(connection)

    def _replace(self, connection: _Connection) -> None:
        del self._by_number[connection.number]
        connection.socket.close()  # which takes it out of the epoll too
        self._connect()


def _length(head: bytes) -> int:
    """How long the body behind a head is."""
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at < 0:
        if b"\r\ntransfer-encoding:" in lower:
            raise SystemExit("an answer came in chunks, which this doesn't read")
        return 0
    return int(lower[at + 17 :].split(b"\r\n", 1)[0])


def summary(told: Told) -> dict[str, Any]:
    """The figures, as JSON has them: latencies in s of answers with 200, and of all others."""
    others = [each for status, some in told.latencies.items() if status != 200 for each in some]
    return {
        "seconds": told.seconds,
        "sent": told.n_sent,
        "statuses": {str(status): len(each) for status, each in sorted(told.latencies.items())},
        "per_second": told.n_in_time[200] / told.seconds,
        "sent_per_second": told.n_sent / told.seconds,
        "answered": _spread(told.latencies.get(200, [])),
        "others": _spread(others),
        **{name: getattr(told, name) for name in ("cut", "refused", "hung", "unsent", "cpu_seconds")},
    }


def _spread(latencies: Sequence[float]) -> dict[str, float] | None:
    if not latencies:
        return None
    median, p99 = np.quantile(latencies, (0.5, 0.99))
    return {"n": len(latencies), "median": float(median), "p99": float(p99), "max": max(latencies)}


def command(host: str, port: int, folder: Path, load: Load) -> list[str]:
    """What starts such a load."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(load).items()]
    return [sys.executable, "-m", "bench.serving_load", host, str(port), str(folder), *options]


def main() -> None:
    """Sends the load that the command line says, and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--is-even", type=lambda word: word == "True", default=False)
    parser.add_argument("--hang", type=float, default=40.0)
    asked = vars(parser.parse_args())
    address, folder = (asked.pop("host"), asked.pop("port")), asked.pop("folder")
    requests = [path.read_bytes() for path in sorted(folder.iterdir())]
    print(json.dumps(summary(Sender(address, requests, Load(**asked)).run())))


if __name__ == "__main__":
    main()
