"""A service that runs, as a user starts it."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

PROGRAM = (sys.executable, "-c", "from inkdigits.cli import main; main()")


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service: where it is, the token to manage it, its process and its folder."""

    url: str
    token: str
    folder: Path
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)

    @property
    def manager(self) -> Mapping[str, str]:
        """The header of a request that manages."""
        return {"authorization": f"Bearer {self.token}"}

    def get(self, path: str, **more: Any) -> httpx.Response:
        """The answer to a request that manages."""
        return httpx.get(self.url + path, headers=dict(self.manager), timeout=60, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        """The answer to a request that manages."""
        return httpx.post(self.url + path, headers=dict(self.manager), timeout=60, **more)


@contextlib.contextmanager
def running(folder: Path, *arguments: str, workers: int = 1) -> Iterator[Running]:
    """A service on a free port, its models, jobs and corrections in that folder; ended at the end."""
    command = [
        *PROGRAM,
        "serve",
        "--port",
        "0",
        "--workers",
        str(workers),
        "--folder",
        str(folder),
        *arguments,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    listener = threading.Thread(target=log.extend, args=(process.stderr,))
    listener.start()
    try:
        said = process.stdout.readline()
        if not said:
            process.wait()
            listener.join()
            raise AssertionError(f"the service ended with {process.returncode}:\n{''.join(log)}")
        url, _, token = said.split()[-1].partition("/#token=")
        yield Running(url=url, token=token, folder=folder, process=process, log=log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join()
        process.stdout.close()
        process.stderr.close()


def workers(service: Running) -> list[int]:
    """The processes that answer."""
    found = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    return [int(pid) for pid in found]


def connected(service: Running) -> socket.socket:
    """A connection to the service, as it is."""
    where = urlsplit(service.url)
    assert where.hostname
    assert where.port
    return socket.create_connection((where.hostname, where.port), timeout=60)
