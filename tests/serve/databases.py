"""A PostgreSQL server for tests, real and of their own."""

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

USER, PASSWORD = "ink", "swordfish"

_BINARIES = "/usr/lib/postgresql"
_UNPRIVILEGED = "postgres"
"""As whom the server runs where the tests run as root, which PostgreSQL refuses."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A PostgreSQL server that listens on a socket in its folder, where its files are too."""

    folder: Path

    def url(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        """The URL of one of its databases."""
        return f"postgresql://{user}:{password}@/{database}?host={self.folder}"

    def make(self) -> str:
        """The name of a new and empty database."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        """Removes the database, whoever is still connected."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def started(*settings: str) -> Iterator[Server]:
    """A server with these settings, stopped and removed at the end."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="ink-", dir="/tmp"))  # a socket's path has to be short
    try:
        _own(folder)
        _initialise(binaries, folder)
        with _running(binaries, folder, *settings):
            yield Server(folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = sorted(Path(_BINARIES).glob("*/bin/initdb"), key=lambda path: int(path.parents[1].name))
    if not found:
        lacking = f"no PostgreSQL in {_BINARIES}: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    return found[-1].parent


def _own(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, _UNPRIVILEGED, _UNPRIVILEGED)


def _run(*command: str, folder: Path) -> None:
    """Runs a command as somebody who isn't root, and tells what it wrote where it fails."""
    if os.geteuid() == 0:
        unprivileged = ("setpriv", f"--reuid={_UNPRIVILEGED}", f"--regid={_UNPRIVILEGED}", "--clear-groups")
        command = (*unprivileged, *command)
    log = folder / "commands.log"
    with log.open("ab") as file:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, cwd=folder, check=False
        )
    if done.returncode:
        pytest.fail(f"{' '.join(command)} failed:\n{log.read_text()}")


def _initialise(binaries: Path, folder: Path) -> None:
    password = folder / "password"
    password.write_text(PASSWORD)
    _run(
        f"{binaries}/initdb",
        f"--pgdata={folder}/data",
        f"--username={USER}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--no-locale",
        "--no-sync",
        folder=folder,
    )


@contextlib.contextmanager
def _running(binaries: Path, folder: Path, *settings: str) -> Iterator[None]:
    control = (f"{binaries}/pg_ctl", f"--pgdata={folder}/data", "--wait")
    options = " ".join(f"-c {setting}" for setting in (f"unix_socket_directories={folder}", *settings))
    _run(
        *control,
        f"--log={folder}/server.log",
        f"--options=-c listen_addresses= {options}",
        "start",
        folder=folder,
    )
    try:
        yield
    finally:
        _run(*control, "--mode=immediate", "stop", folder=folder)
