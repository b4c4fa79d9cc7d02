"""How long `inkdigits --help` takes."""

import subprocess
import sys
import time
from pathlib import Path

from bench import results


def measure(*, runs: int = 20) -> None:
    """Whole processes, after one that fills the file cache."""
    command = [str(Path(sys.executable).with_name("inkdigits")), "--help"]
    seconds = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - started)
    results.write("startup", {"help_seconds": results.spread(seconds[1:])})
