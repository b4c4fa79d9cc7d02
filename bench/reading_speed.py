"""How fast what ships reads, and in how much memory: in processes of their own where that matters."""

import io
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from bench import results
from inkdigits import data, image, weights
from inkdigits.data.drawn import hands, pages
from inkdigits.read import engine, reader
from inkdigits.read.reader import Order
from inkdigits.types import Gray

ROOT = Path(__file__).parent.parent
N_LINES, N_DIGITS = 20, 10
"""On an A4 page at 300 dpi."""


def measure() -> None:
    """All of them, written to `bench/results`."""
    results.write("reading-speed", figures())


def figures() -> dict[str, Any]:
    """Seconds unless the name says otherwise, with n and spread."""
    test = data.load("mnist", "test")
    mnist = test.images
    one = _png(
        np.pad(cv2.resize(255 - mnist[0], (112, 112), interpolation=cv2.INTER_CUBIC), 14, constant_values=255)
    )
    network = engine.shipped("reader", threads=1)
    both = engine.shipped("reader", threads=2)
    single = reader.build(Order(kind="digit", threads=1))
    whole = reader.build(Order(kind="auto", threads=2))
    writers = hands.from_images(mnist, test.labels.astype(str).tolist())
    page = pages.draw(writers, np.random.default_rng(0), n_lines=N_LINES, n_digits=N_DIGITS).picture
    many = np.repeat(mnist, 2, axis=0)
    return {
        "one_digit_decoded": _timed(lambda: single(image.decode(one)), runs=200),
        "network_alone": _timed(lambda: network.classify(mnist[:1]), runs=500),
        "a4_page": {"n_digits": N_LINES * N_DIGITS, **_timed(lambda: whole(page), runs=10)},
        "images_per_second": len(many) / _timed(lambda: both.classify(many), runs=5)["mean"],
        "shell": _shell(one, "digit"),
        "page_process_peak_mb": _peak_mb(page),
        "install_mb": _install_mb(),
    }


def _png(picture: Gray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "png")
    return content.getvalue()


def _timed(work: Callable[[], object], *, runs: int) -> dict[str, Any]:
    work()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return results.spread(seconds)


def _shell(picture: bytes, kind: str) -> dict[str, Any]:
    """Whole processes, from the start to the printed answer."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Path(file.name).write_bytes(picture)
        program = Path(sys.executable).with_name("inkdigits")
        command = [str(program), "read", file.name, "--as", kind]
        return _timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), runs=20)


def _peak_mb(page: Gray) -> float:
    """MB: the most memory that reading the page's PNG takes, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.png"
        file.write_bytes(_png(page))
        code = (
            "import re, sys; from pathlib import Path; from inkdigits.read import reader; "
            "reader.read(Path(sys.argv[1]), reader.build(reader.Order(kind='auto'))); "
            "print(re.search(r'VmHWM:\\s*(\\d+) kB', Path('/proc/self/status').read_text())[1])"
        )  # not resource.getrusage, which counts what the process was before it became another program
        told = subprocess.run(
            [sys.executable, "-c", code, str(file)], check=True, capture_output=True, text=True
        )
    return int(told.stdout) * 1024 / 1e6


def _install_mb() -> float:
    """MB that the package and all that it needs take on the disk, but for the byte code that Python adds."""
    package = Path(weights.__file__).parents[1]
    total = sum(
        each.stat().st_size for each in package.rglob("*") if each.suffix != ".pyc" and each.is_file()
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted, seen = [Requirement(each).name for each in project["dependencies"]], set[str]()
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name in seen:
            continue
        seen.add(name)
        found = metadata.distribution(name)
        needed = [Requirement(each) for each in found.requires or ()]
        wanted += [each.name for each in needed if not each.marker or each.marker.evaluate({"extra": ""})]
        parts = [Path(str(each.locate())) for each in found.files or ()]
        total += sum(each.stat().st_size for each in parts if each.suffix != ".pyc" and each.is_file())
    return total / 1e6


if __name__ == "__main__":
    print(json.dumps(figures(), indent=2))
