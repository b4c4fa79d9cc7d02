"""Whole programs as a user starts them: how long to the saved model, how much memory, what accuracy."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PEER_VENV = HERE.parent / ".venv-peer"
PEER_PACKAGES = ("tensorflow==2.21.0", "keras==3.15.1")


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


def _measure(command: list[str], *, saved: Path, seed: int) -> Measured:
    """Runs the command; its last lines are JSON with `accuracy`; the time is that of the file `saved`."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.time()
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        errors.seek(0)
        if os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{errors.read()[-2000:]}")
        printed = output.read()
    figures = json.loads(printed[printed.index("\n{") if "\n{" in printed else 0 :])
    return Measured(
        seed=seed,
        seconds=saved.stat().st_mtime - started,
        peak_mb=usage.ru_maxrss / 1024,
        accuracy=figures["accuracy"],
    )
