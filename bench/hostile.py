"""A million hostile pictures: torn files of every format, and pictures that show nothing.

None may end the process, raise anything but a UserError, or take long; and what shows nothing is not to be
answered. `python -m bench.run hostile` takes an hour and a half on two cores; what is done is kept.
"""

import faulthandler
import functools
import io
import os
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, TextIO

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image
from rich.progress import track

from bench import results
from inkdigits import image, stats
from inkdigits.errors import UserError
from inkdigits.read import reader
from inkdigits.read.reader import Order, Reader
from inkdigits.types import Box, Gray

N, CHUNK = 1_000_000, 1_000
PDFS, NOTHING = 0.003, 0.2
"""Shares of torn PDFs, each of which starts a process, and of pictures that show nothing; the rest are torn
pictures."""

HANGS = 60.0
"""Seconds after which a case counts as one that hangs, and ends the run."""

_said: TextIO = sys.stderr
_MOST_BROKEN = 20
_EDGES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


@dataclass
class Told:
    """What came of some cases: how many of each outcome, the slowest, and which broke, by chunk and case."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    broken: list[str] = field(default_factory=list)

    def add(self, other: "Told") -> None:
        """Counts the cases of another together with these."""
        self.outcomes += other.outcomes
        self.slowest = max(self.slowest, other.slowest)
        self.broken = [*self.broken, *other.broken][:_MOST_BROKEN]


def measure() -> None:
    """All of them, written to `bench/results`."""
    results.write("hostile", figures(N))


def figures(n: int) -> dict[str, Any]:
    """How many cases came to what; ends the program where one ends its process, or hangs."""
    told, done = Told(), 0
    numbers = range(n // CHUNK)
    with ProcessPoolExecutor(initializer=_quiet) as pool:
        try:
            parts = pool.map(results.kept(chunk), numbers)
            for part in track(parts, total=len(numbers), description="hostile"):
                told.add(part)
                done += 1
        except BrokenProcessPool as error:
            raise SystemExit(f"a case of chunk {done} or the next few ended its process, or hung") from error
    n_nothing = sum(count for name, count in told.outcomes.items() if name.startswith("nothing"))
    answered = told.outcomes["nothing: accepted"]
    return {
        "n": sum(told.outcomes.values()),
        "outcomes": dict(sorted(told.outcomes.items())),
        "broken": told.broken,
        "slowest_seconds": told.slowest,
        "answered_from_nothing": {"n": n_nothing, "share": stats.wilson(answered, n_nothing)},
    }


def _quiet() -> None:
    """Without what libtiff and others say of each torn file; what Python says of a hang is still seen."""
    global _said  # noqa: PLW0603 (a process has one)
    _said = os.fdopen(os.dup(sys.stderr.fileno()), "w")
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def chunk(number: int) -> Told:
    """A thousand cases, whose random numbers depend on the chunk's number alone."""
    told = Told()
    for case in range(CHUNK):
        faulthandler.dump_traceback_later(HANGS, exit=True, file=_said)
        started = time.perf_counter()
        try:
            told.outcomes[_outcome(np.random.default_rng([number, case]))] += 1
        except Exception as error:
            told.outcomes["broken"] += 1
            told.broken.append(f"chunk {number}, case {case}: {error!r}")
        told.slowest = max(told.slowest, time.perf_counter() - started)
    faulthandler.cancel_dump_traceback_later()
    return told


def _outcome(random: Generator) -> str:
    kind = random.random()
    if kind < NOTHING:
        return f"nothing: {_read(nothing(random), _reader(random))}"
    content = torn(random, _pdf() if kind < NOTHING + PDFS else None)
    try:
        page = next(image.pages(content))
    except UserError:
        return "torn: refused"
    if isinstance(page, UserError):
        return "torn: refused"
    if max(page.shape) > 2000:
        return "torn: decoded, large"
    return f"torn: decoded, {_read(page, _reader(random))}"


def _read(picture: Gray, read: Reader) -> str:
    try:
        lines = read(picture).lines
    except UserError:
        return "refused"
    for line in lines:
        for box in (line.box, *(digit.box for digit in line.digits)):
            if not _is_within(box, picture):
                raise AssertionError(f"{box} isn't in a picture of {picture.shape}")
    return "accepted" if any(line.accepted for line in lines) else "refused"


def _is_within(box: Box, picture: Gray) -> bool:
    height, width = len(picture), int(picture.shape[1])
    is_across = 0 <= box.x < box.x + box.width <= width
    return is_across and 0 <= box.y < box.y + box.height <= height


def _reader(random: Generator) -> Reader:
    return _readers()[str(random.choice(["digit", "number", "auto", "grid"], p=[0.7, 0.1, 0.1, 0.1]))]


@functools.cache
def _readers() -> dict[str, Reader]:
    cv2.setNumThreads(1)
    return {kind: reader.build(Order(kind=kind)) for kind in ("digit", "number", "auto", "grid")}


def nothing(random: Generator) -> Gray:
    """Grain, even or normal, light that changes, or plain paper: uint8, up to 200 pixels a side."""
    height, width = (int(side) for side in random.integers(1, 200, 2))
    match random.integers(4):
        case 0:
            made = random.integers(0, 256, (height, width)).astype(np.float64)
        case 1:
            made = random.normal(random.uniform(0, 255), random.uniform(0, 30), (height, width))
        case 2:
            right, down = random.uniform(-120, 120, 2)
            made = 128 + np.add.outer(np.linspace(0, down, height), np.linspace(0, right, width))
        case _:
            made = random.integers(256) + random.uniform(-3, 3, (height, width))
    return np.clip(made, 0, 255).astype(np.uint8)


def torn(random: Generator, seed: bytes | None = None) -> bytes:
    """A file that was damaged in one to four places: bits, bytes, fields, pieces lost, doubled or strange."""
    content = bytearray(seed or _files()[int(random.integers(len(_files())))])
    for _ in range(int(random.integers(1, 5))):
        if not content:
            break
        at = int(random.integers(len(content)))
        n = int(2 ** random.uniform(0, 9))
        match random.integers(7):
            case 0:
                content[at] ^= 1 << int(random.integers(8))
            case 1:
                content[at : at + n] = random.bytes(n)
            case 2:
                edge = int(random.choice(_EDGES))
                content[at : at + 4] = edge.to_bytes(4, "big" if random.random() < 0.5 else "little")
            case 3:
                del content[at : at + n]
            case 4:
                content[at:at] = content[at : at + n]
            case 5:
                del content[at:]
            case _:
                other = _files()[int(random.integers(len(_files())))]
                start = int(random.integers(len(other)))
                content[at : at + n] = other[start : start + n]
    return bytes(content)


@functools.cache
def _files() -> tuple[bytes, ...]:
    """Sound files of all formats and kinds of pixels that are read."""
    drawn = np.full((60, 80), 220, np.uint8)
    cv2.putText(drawn, "47", (8, 46), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 30, 4, cv2.LINE_AA)
    grey = Image.fromarray(drawn)
    turned = Image.Exif()
    turned[274] = 6
    deep = Image.fromarray(drawn.astype(np.uint16) * 257)
    made = [
        *(_saved(grey.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        _saved(deep, "PNG"),
        _saved(grey, "PNG", save_all=True, append_images=[grey, grey]),
        *(_saved(grey.convert(mode), "JPEG", exif=turned) for mode in ("L", "RGB", "CMYK")),
        _saved(grey, "JPEG", progressive=True),
        *(_saved(grey.convert("RGBA"), "WebP", lossless=lossless) for lossless in (True, False)),
        _saved(grey, "WebP", save_all=True, append_images=[grey]),
        *(_saved(grey.convert(mode), "BMP") for mode in ("1", "L", "P", "RGB", "RGBA")),
        *(
            _saved(grey, "TIFF", compression=kind)
            for kind in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
        ),
        _saved(grey.convert("1"), "TIFF", compression="group4"),
        *(_saved(each, "TIFF") for each in (deep, grey.convert("F"), grey.convert("CMYK"))),
        _saved(grey, "TIFF", save_all=True, append_images=[grey, grey]),
    ]
    return tuple(made)


@functools.cache
def _pdf() -> bytes:
    return _saved(Image.fromarray(np.full((60, 80), 220, np.uint8)), "PDF")


def _saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    held = io.BytesIO()
    picture.save(held, form, **options)
    return held.getvalue()
