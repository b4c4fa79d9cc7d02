"""A server of training runs, each forked from it: PyTorch is loaded once, and a run is cheap to kill.

Every line of standard input asks for one attempt, as JSON (the arguments of `attempt`). The answer is a
line with its exit status, negative for a signal, and with what it said.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import torch

from inkdigits.errors import UserError
from inkdigits.learn import options, run
from inkdigits.learn.train import STATE_FILE, Stopped, Watch


def attempt(
    source: str,
    folder: str,
    wanted: dict[str, Any],
    *,
    stop_after: int | None = None,
    largest_file: int | None = None,
    kill: tuple[int, float] | None = None,
) -> dict[str, Any]:
    """Begins or resumes a run that saves its state after every step.

    It is stopped cleanly after so many steps, or can write no file larger than so many bytes, or is
    killed once it has saved so many times and so many seconds have passed.
    """
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            os._exit(_train(source, Path(folder), wanted, stop_after, largest_file, said))
        if kill:
            _kill(child, Path(folder) / STATE_FILE, *kill)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return {"status": os.waitstatus_to_exitcode(status), "said": said.read()}


def _train(
    source: str,
    folder: Path,
    wanted: dict[str, Any],
    stop_after: int | None,
    largest_file: int | None,
    said: IO[str],
) -> int:
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    steps = iter(range(1, 1 << 30))
    watch = Watch(stop=lambda: next(steps) == stop_after, save_every=0.0)
    try:
        run.run(source, options.change(options.TrainOptions(), wanted), folder, resume=True, watch=watch)
    except (UserError, Stopped) as told:
        said.write(str(told))
        said.flush()
        return 1
    return 0


def _kill(child: int, state: Path, saves: int, delay: float) -> None:
    """Waits for the saves, or for the end, and then a little."""
    seen = _mark(state)
    while saves and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.0005)
        now = _mark(state)
        saves -= now != seen
        seen = now
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)


def _mark(path: Path) -> int | None:
    """A number that changes when a file is replaced."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(attempt(**json.loads(line))) + "\n")
        sys.stdout.flush()
