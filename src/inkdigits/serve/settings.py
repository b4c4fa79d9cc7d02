"""What a service is told at its start."""

import dataclasses
import json
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from inkdigits.errors import ArgumentError, UserError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""The addresses that only programs on the same machine reach."""

STORE = "INKDIGITS_STORE"
"""The variable that names the store's URL, whose password nobody sees there."""

MOST_WORKERS = 64

_SHORTEST_TOKEN = 16


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request may have, and how much may wait in one worker.

    `seconds` is how long a request may take in all, `header_seconds` until its head is there.
    """

    n_bytes: int = 32 << 20
    n_pixels: int = 50_000_000
    n_pages: int = 50
    n_files: int = 20
    n_images: int = 4096
    n_header_bytes: int = 16 << 10
    n_connections: int = 1000
    n_waiting_pictures: int = 64
    n_waiting_images: int = 16_384
    n_waiting_documents: int = 8
    seconds: float = 30.0
    header_seconds: float = 5.0
    most_waiting_corrections: int = 200


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where a service listens, what it keeps where, and who may manage it.

    `folder` holds models and jobs, and the store where `store` is None. Without a `token` nobody may manage.
    `retraining` is the command that fine-tunes, which begins by itself after `retrain_after` accepted
    corrections; 0 says never.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    store: str | None = None
    token: str | None = None
    keeps_images: bool = True
    max_error: float = 0.005
    retrain_after: int = 0
    retraining: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ArgumentError(f"port is {self.port}, but lies between 0 and 65535")
        if not 1 <= self.workers <= MOST_WORKERS:
            raise ArgumentError(f"workers is {self.workers}, but has to lie between 1 and {MOST_WORKERS}")
        if not 0 < self.max_error <= 0.5:
            raise ArgumentError(f"max-error is {self.max_error:g}, but is a share above 0 and up to 0.5")
        if self.retrain_after < 0:
            raise ArgumentError(f"retrain-after is {self.retrain_after}, but counts corrections")
        if self.token is not None and not re.fullmatch(rf"[!-~]{{{_SHORTEST_TOKEN},}}", self.token):
            raise ArgumentError(
                f"the token should have {_SHORTEST_TOKEN} characters or more, none of them a space"
            )

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine reach the service."""
        return self.host in LOOPBACK

    @property
    def models(self) -> Path:
        """The folder of the models that can serve."""
        return self.folder / "models"

    @property
    def jobs(self) -> Path:
        """The folder of the fine-tunings."""
        return self.folder / "jobs"


def dumped(settings: Settings) -> str:
    """The settings as one line, for a process of the service."""
    return json.dumps(dataclasses.asdict(settings) | {"folder": str(settings.folder)})


def parse(text: str) -> Settings:
    """The settings in such a line."""
    values = json.loads(text)
    more = {
        "folder": Path(values["folder"]),
        "retraining": tuple(values["retraining"]),
        "limits": Limits(**values["limits"]),
    }
    return Settings(**values | more)


def cores() -> int:
    """How many processors this process may use."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        granted = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        granted = MOST_WORKERS
    try:
        there = len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux has it
        there = os.cpu_count() or 1
    return max(1, min(there, granted, MOST_WORKERS))


def token_in(path: Path) -> str:
    """The token that a file holds. Raises UserError where it can't be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the token in {path} ({getattr(error, 'strerror', error)})") from error
