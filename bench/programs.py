"""Whole programs as a user starts them: how long to the saved model, how much memory, what accuracy."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PEER_VENV = HERE.parent / ".venv-peer"
PEER_PACKAGES = ("tensorflow==2.21.0", "keras==3.15.1")

_WATCH = """
import json, os, sys, time
started = time.time()
process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(process, 0)
with open(sys.argv[1], "w") as file:
    json.dump({"started": started, "ended": time.time(), "peak_mb": usage.ru_maxrss / 1024}, file)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Starts a command and watches it, as a small process: Linux counts the starter's memory as its child's."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run: seconds from process start to saved model, peak memory in MB, test accuracy 0 to 1."""

    seed: int
    seconds: float
    peak_mb: float
    accuracy: float


def inkdigits(seed: int, *options: str) -> Measured:
    """`inkdigits train mnist` with the given options, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [Path(sys.executable).with_name("inkdigits"), "train", "mnist", "--json"]
        return _measure(
            [*map(str, command), *options, "--seed", str(seed), "--out", str(out)],
            saved=out / "model.safetensors",
            seed=seed,
        )


def article(seed: int, mnist: Path) -> Measured:
    """The article's program, in the virtual environment that `install_peer` made."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model.keras"
        command = [PEER_VENV / "bin" / "python", HERE / "article_keras.py", mnist, seed, out]
        return _measure([str(part) for part in command], saved=out, seed=seed)


def install_peer() -> None:
    """TensorFlow and Keras into a virtual environment of their own, once."""
    if not PEER_VENV.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEER_VENV)], check=True)
        subprocess.run([str(PEER_VENV / "bin" / "pip"), "install", "--quiet", *PEER_PACKAGES], check=True)


def watched(command: Sequence[str]) -> tuple[subprocess.CompletedProcess[str], dict[str, float]]:
    """What the command said and left with; when it started and ended, s, and the most memory it took, MB."""
    with tempfile.TemporaryDirectory() as folder:
        about = Path(folder) / "watched.json"
        done = subprocess.run(
            [sys.executable, "-c", _WATCH, str(about), *command], capture_output=True, text=True, check=False
        )
        return done, json.loads(about.read_text())


def _measure(command: list[str], *, saved: Path, seed: int) -> Measured:
    """Runs the command; its last lines are JSON with `accuracy`; the time is that of the file `saved`."""
    done, about = watched(command)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    figures = json.loads(done.stdout[done.stdout.index("\n{") if "\n{" in done.stdout else 0 :])
    return Measured(
        seed=seed,
        seconds=saved.stat().st_mtime - about["started"],
        peak_mb=about["peak_mb"],
        accuracy=figures["accuracy"],
    )
