"""Services as processes: ours and others', how much memory they take, and one request to them."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from tests.serve.running import Running, running

from bench import serving_load
from bench.programs import HERE, PEER_VENV
from bench.serving_load import Load

HOST = "127.0.0.1"
VENV = PEER_VENV.with_name(".venv-peer-serving")
PACKAGES = (
    "fastapi==0.165.0",
    "litserve==0.2.19",
    "python-multipart",
    "uvicorn[standard]",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "numpy",
    "pypdfium2",
    "filelock",
    "platformdirs",
)
"""Those that ours needs too in the same versions: `constraints.txt` says which."""

Requests = Sequence[bytes]

_START_SECONDS = 60.0
_LOOK_SECONDS = 0.01
_ESTABLISHED = "01"
_WORKER = b"inkdigits.serve.worker"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service: its port, and the process that was started for it, which may have others below it."""

    port: int
    pid: int

    def workers(self) -> list[int]:
        """The processes of ours that answer."""
        return [pid for pid in children(self.pid) if _is_worker(pid)]

    def ready_workers(self) -> list[int]:
        """Those of them that have said on the board which model they serve."""
        return [pid for pid in self.workers() if (_runtime(pid) / "board" / f"{pid}.json").exists()]

    def connections(self, pid: int) -> int:
        """How many connections a worker has."""
        held = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        mine = [row for row in rows if row[1].endswith(f":{self.port:04X}") and row[3] == _ESTABLISHED]
        return sum(f"socket:[{row[9]}]" in held for row in mine)

    def cpu_seconds(self) -> float:
        """Seconds of the processor that it took so far, with all below it."""
        return sum(map(_cpu_seconds, [self.pid, *below(self.pid)]))

    def memory_mb(self) -> float:
        """MB that all workers of ours and those below them hold now.

        A child that isn't another program yet shares its parent's memory, which counts once.
        """
        workers = self.workers()
        others = [each for pid in workers for each in below(pid) if not _is_worker(each)]
        return sum(map(resident_mb, [*workers, *others]))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: the status, None where nothing did, and after how many seconds."""

    status: int | None
    seconds: float


def install_peers() -> None:
    """Others' servers into a virtual environment of their own, once."""
    if (VENV / "installed").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    (VENV / ".gitignore").write_text("*\n")
    pip = [str(VENV / "bin" / "pip"), "install", "--quiet", "--constraint", "constraints.txt"]
    subprocess.run([*pip, *PACKAGES], check=True, cwd=HERE.parent)
    (VENV / "installed").touch()


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[tuple[Service, Running]]:
    """Our service with two workers."""
    with running(folder, workers=2) as found:
        yield Service(port=int(found.url.rpartition(":")[2]), pid=found.process.pid), found


@contextlib.contextmanager
def theirs(command: Sequence[str], request: bytes) -> Iterator[Service]:
    """Another service; `PORT` in its command becomes a free one. It is ready when it answers the request."""
    port = _free_port()
    here = HERE.parent
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [str(VENV / "bin" / command[0]), *(each.replace("PORT", str(port)) for each in command[1:])],
            env={**os.environ, "PYTHONPATH": f"{here / 'src'}:{here}", "OMP_NUM_THREADS": "1"},
            cwd=here,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait(port, request, process)
            yield Service(port=port, pid=process.pid)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(port: int, request: bytes, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError):
            if ask(port, request).status == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"{' '.join(map(str, process.args))} doesn't answer")  # type: ignore[arg-type]


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as found:
        return int(found.getsockname()[1])


def load(port: int, requests: Requests, asked: Load) -> dict[str, Any]:
    """What came of a load on a port."""
    with loading(port, requests, asked) as process:
        said, _ = process.communicate()
    if process.returncode:
        raise SystemExit("the load could not be sent")
    found: dict[str, Any] = json.loads(said)
    return found


@contextlib.contextmanager
def loading(port: int, requests: Requests, asked: Load) -> Iterator[subprocess.Popen[str]]:
    """A load under way, which prints what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        for number, each in enumerate(requests):
            (Path(folder) / f"{number:05}").write_bytes(each)
        command = serving_load.command(HOST, port, Path(folder), asked)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def ask(port: int, content: bytes, *, seconds: float = 40.0, ends_early: bool = False) -> Answer:
    """What is answered to these bytes, which may be more than the other side reads, after how long.

    `ends_early` says that nothing more will come, though more was announced.
    """
    started = time.perf_counter()
    left, received = memoryview(content), b""
    with socket.create_connection((HOST, port)) as connection:
        connection.setblocking(False)
        while time.perf_counter() - started < seconds:
            ready, room, _ = select.select([connection], [connection] if left else [], [], 0.1)
            try:
                if ready:
                    part = connection.recv(1 << 16)
                    received += part
                    if b"\r\n\r\n" in received or not part:
                        break
                if room:
                    left = left[connection.send(left[: 1 << 20]) :]
                    if not left and ends_early:
                        connection.shutdown(socket.SHUT_WR)
            except OSError:
                break
    status = int(received[9:12]) if received.startswith(b"HTTP/1.1 ") else None
    return Answer(status=status, seconds=time.perf_counter() - started)


def post(path: str, content: bytes, *, kind: str = "image/png", more: str = "") -> bytes:
    """A request as it goes over the wire; `more` are lines of its head."""
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {kind}\r\n{more}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode("ascii") + content


@final
class Memory:
    """Within it, watches the memory of a service; afterwards `most_mb` is the most that there was.

    It looks every so many seconds, which takes a millisecond of the processor.
    """

    def __init__(self, service: Service, *, every: float = _LOOK_SECONDS) -> None:
        self._service = service
        self._every = every
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.before_mb = self.most_mb = service.memory_mb()

    def __enter__(self) -> "Memory":
        """Begins to watch."""
        for pid in self._service.workers():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # its peak begins anew
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it. What was too short to be seen is in each worker's own peak."""
        self._ends.set()
        self._thread.join()
        peaks = sum(resident_mb(pid, "VmHWM") for pid in self._service.workers())
        self.most_mb = max(self.most_mb, peaks)

    def _watch(self) -> None:
        while not self._ends.wait(self._every):
            self.most_mb = max(self.most_mb, self._service.memory_mb())

    @property
    def grew_mb(self) -> float:
        """By how much it was more than before."""
        return self.most_mb - self.before_mb


def below(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    found = children(pid)
    return [*found, *(each for child in found for each in below(child))]


def children(pid: int) -> list[int]:
    """The processes that a process started, whichever of its threads did."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def resident_mb(pid: int, what: str = "VmRSS") -> float:
    """MB of memory that a process holds, or of `VmHWM` held at most; 0 of one that has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(rf"{what}:\s*(\d+) kB", text)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def _is_worker(pid: int) -> bool:
    return _WORKER in _command(pid)


def _runtime(pid: int) -> Path:
    """The folder that a worker was told to keep its notes in."""
    command = _command(pid)
    return Path(command[command.index(_WORKER) + 1].decode())


def _command(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
