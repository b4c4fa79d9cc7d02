"""Results files, a folder for each kind of machine: what was measured, how often, with which versions."""

import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar, cast

import joblib

from inkdigits import stats

FOLDER = Path(__file__).parent / "results"

Measured = TypeVar("Measured", bound=Callable[..., Any])

_KEPT = FOLDER.with_name("kept")


def write(name: str, figures: Mapping[str, Any]) -> None:
    """Writes `bench/results/MACHINE/NAME.json`, the figures beside the machine and the versions."""
    here = machine()
    described = {"measured": time.strftime("%Y-%m-%d"), "machine": here, "versions": versions()}
    text = json.dumps({**described, **figures}, indent=2, ensure_ascii=False)
    folder = FOLDER / _folder_name(here)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(text + "\n")


def kept(function: Measured) -> Measured:
    """The function, its results kept in `bench/kept`: a long measurement that was cut off goes on.

    They are of one commit and kind of machine; a tree with changes that aren't committed keeps nothing.
    """
    is_committed = _COMMIT and not _COMMIT.endswith("-dirty")
    folder = _KEPT / _COMMIT / _folder_name(machine()) if is_committed else None
    return cast(Measured, joblib.Memory(folder, verbose=0).cache(function))


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The results of one kind of machine, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def folders() -> list[Path]:
    """A folder for each kind of machine that something was measured on, by name."""
    return sorted(path for path in FOLDER.iterdir() if path.is_dir())


def spread(values: Sequence[float]) -> dict[str, Any]:
    """n, mean, sd, minimum and maximum."""
    return asdict(stats.summary(values))


def machine() -> dict[str, Any]:
    """The processor and what of it is ours."""
    cpuinfo = Path("/proc/cpuinfo")
    about: dict[str, str] = {}
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        key, _, value = line.partition(":")
        about.setdefault(key.strip(), value.strip())
    wanted = ("avx512f", "avx512_bf16", "amx_bf16")
    return {
        "processor": about.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "instructions": [flag for flag in wanted if flag in about.get("flags", "").split()],
        "system": platform.platform(),
    }


def _folder_name(machine: Mapping[str, Any]) -> str:
    """What sets machines apart: `Intel(R) Xeon(R) Processor` of 2 cores to `intel-xeon-bf16-2-cores`."""
    name = re.sub(r"\(\w+\)|processor|cpu|@.*", " ", machine["processor"].lower())
    bf16 = {"amx_bf16": "amx", "avx512_bf16": "bf16"}
    best = next((word for flag, word in bf16.items() if flag in machine["instructions"]), "fp32")
    return "-".join([*re.findall(r"[a-z0-9]+", name), best, str(machine["cores"]), "cores"])


def versions() -> dict[str, str]:
    """The versions that the figures depend on, and the commit."""
    names = ("inkdigits", "torch", "numpy")
    found = {name: metadata.version(name) for name in names}
    return {"python": platform.python_version(), **found, "commit": _COMMIT}


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    told = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False)
    return told.stdout.strip()


_COMMIT = _git("describe", "--always", "--abbrev=40", "--dirty", "--exclude=*")
"""Of the code that was imported, whatever is committed while it measures."""
