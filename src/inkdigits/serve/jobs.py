"""Fine-tunings in processes of their own, which go on when the service ends.

Each has a folder: `job.json` says what it is, `progress.json` how far it is, `result.json` how it ended.
While it runs, its process holds the lock beside them; one that ended without a result was cut off.
"""

import json
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from inkdigits import files, lock
from inkdigits.errors import UserError

RUNNING, PROMOTED, REFUSED, FAILED, STOPPED = "running", "promoted", "refused", "failed", "stopped"
"""How a job stands."""

_JOB, _PROGRESS, _RESULT, _LOCK, _LOG, _PID = (
    "job.json",
    "progress.json",
    "result.json",
    ".lock",
    "log.txt",
    "pid",
)
_STARTING_SECONDS = 20.0
_MOST_LISTED = 50


class RunningError(UserError):
    """One runs already."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A fine-tuning: how it stands, how far it is (0 to 1), and what came of it."""

    id: str
    state: str
    made: str
    progress: float = 0.0
    n_images: int = 0
    verdict: Mapping[str, Any] | None = None
    model: str | None = None
    error: str | None = None


@final
class Jobs:
    """The fine-tunings in a folder.

    `command` starts one, with the folder of the job behind it. `environment`, which no list of processes
    shows, is added to ours.
    """

    def __init__(self, folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._command = command
        self._environment = environment

    def all(self) -> tuple[Job, ...]:
        """The latest ones, newest first."""
        folders = sorted((path.parent for path in self._folder.glob(f"*/{_JOB}")), reverse=True)
        return tuple(_told(each) for each in folders[:_MOST_LISTED])

    def start(self, *, n_images: int) -> Job:
        """Begins one. Raises RunningError where one runs."""
        with self._starting():
            if any(job.state == RUNNING for job in self.all()):
                raise RunningError("a fine-tuning runs already; wait for it, or stop it")
            folder = self.make(n_images=n_images)
            with (folder / _LOG).open("wb") as log:
                process = subprocess.Popen(
                    [*self._command, str(folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **self._environment},
                    start_new_session=True,  # it outlives us
                )
            threading.Thread(target=process.wait, daemon=True).start()  # who buries it
            files.write(folder / _PID, str(process.pid).encode())
            return _told(folder)

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Within it, nobody else starts one."""
        with ExitStack() as stack:
            try:
                stack.enter_context(
                    lock.held(self._folder / _LOCK, busy="a fine-tuning is being started already")
                )
            except UserError as error:
                raise RunningError(str(error)) from error
            yield

    def make(self, *, n_images: int = 0) -> Path:
        """A folder for a new one."""
        now = time.gmtime()
        folder = self._folder / f"{time.strftime('%Y%m%d-%H%M%S', now)}-{secrets.token_hex(2)}"
        about = {"made": time.strftime("%Y-%m-%dT%H:%M:%SZ", now), "n_images": n_images}
        files.write(folder / _JOB, json.dumps(about).encode())
        return folder

    def stop(self, name: str) -> Job:
        """Stops one that runs. Raises UserError where there is none."""
        folder = next(
            (path.parent for path in self._folder.glob(f"*/{_JOB}") if path.parent.name == name), None
        )
        if folder is None or _told(folder).state != RUNNING:
            raise UserError("no such fine-tuning runs")
        with suppress(OSError, ValueError):
            os.kill(int((folder / _PID).read_text(encoding="ascii")), signal.SIGINT)
        return _told(folder)


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Within it, this process is the job in a folder. Raises UserError where another is."""
    with _held(folder):
        files.write(folder / _PID, str(os.getpid()).encode())
        yield


def tell_progress(folder: Path, share: float) -> None:
    """Says how far a job is."""
    files.write(folder / _PROGRESS, json.dumps({"progress": round(share, 4)}).encode())


def tell_result(folder: Path, **result: Any) -> None:
    """Says how a job ended: `state`, and of `verdict`, `model` and `error` what there is."""
    files.write(folder / _RESULT, json.dumps(result).encode())


def _told(folder: Path) -> Job:
    about, progress, result = (_values(folder / name) for name in (_JOB, _PROGRESS, _RESULT))
    values = {"state": RUNNING, **about, **progress, **result}
    if not result and not _runs(folder):
        values |= {"state": FAILED, "error": "it was cut off"}
    known = {name: values[name] for name in Job.__dataclass_fields__ if name in values}
    return Job(**{"made": "", **known, "id": folder.name})


def _runs(folder: Path) -> bool:
    """Whether the process of a job is there, or has only just been started."""
    if time.time() - (folder / _JOB).stat().st_mtime < _STARTING_SECONDS:
        return True
    try:
        with _held(folder):
            return False
    except UserError:
        return True


def _held(folder: Path) -> AbstractContextManager[None]:
    """The lock of a job's process."""
    return lock.held(folder / _LOCK, busy="this fine-tuning runs already")


def _values(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
