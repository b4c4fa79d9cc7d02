"""The readers of others on the same lines, in the same run, told to answer with digits only.

RapidOCR's recogniser is taken out of its wheel, without installing it; Tesseract is Debian's program.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from inkdigits.types import Gray

RAPIDOCR = "rapidocr==3.10.0"
_MODEL = "rapidocr/models/PP-OCRv6_rec_small.onnx"
_HEIGHT = 48

Peer = Callable[[Gray], str]
"""Reads the digits of a line."""


def rapidocr() -> Peer:
    """Its recogniser with all outputs but digits and the blank left out, greedily decoded."""
    session = onnxruntime.InferenceSession(_rapidocr_model(), providers=["CPUExecutionProvider"])
    characters = session.get_modelmeta().custom_metadata_map["character"].split("\n")
    kept = [0, *(1 + characters.index(digit) for digit in "0123456789")]  # the blank comes first
    (shown,) = session.get_inputs()

    def read(line: Gray) -> str:
        width = max(_HEIGHT, round(line.shape[1] * _HEIGHT / line.shape[0]))
        resized = cv2.resize(line, (width, _HEIGHT)).astype(np.float32) / 127.5 - 1
        scores = session.run(None, {shown.name: np.stack([resized] * 3)[np.newaxis]})[0][0][:, kept]
        best = scores.argmax(axis=1)
        changes = np.append(True, best[1:] != best[:-1])
        return "".join(str(label - 1) for label in best[changes] if label)

    return read


def _rapidocr_model() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--quiet",
            f"--dest={folder}",
            RAPIDOCR,
        ]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(_MODEL)


def tesseract() -> Peer | None:
    """The program on a single line with digits only; None where it isn't installed."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    options = ["--psm", "7", "-c", "tessedit_char_whitelist=0123456789"]

    def read(line: Gray) -> str:
        _, content = cv2.imencode(".png", line)
        done = subprocess.run(
            [program, "stdin", "stdout", *options], input=bytes(content), capture_output=True, check=False
        )
        return "".join(done.stdout.decode(errors="replace").split())

    return read
