"""Results files: what was measured, how often, on what machine, with which versions."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from inkdigits import stats

FOLDER = Path(__file__).parent / "results"


def write(name: str, figures: Mapping[str, Any]) -> None:
    """Writes `bench/results/NAME.json`, the figures beside the machine and the versions."""
    FOLDER.mkdir(exist_ok=True)
    described = {"measured": time.strftime("%Y-%m-%d"), "machine": machine(), "versions": versions()}
    text = json.dumps({**described, **figures}, indent=2, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n")


def read(name: str) -> dict[str, Any]:
    """The results file of that name."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


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
        "processor": about.get("model name", platform.processor()),
        "cores": os.cpu_count(),
        "instructions": [flag for flag in wanted if flag in about.get("flags", "").split()],
        "system": platform.platform(),
    }


def versions() -> dict[str, str]:
    """The versions that the figures depend on, and the commit."""
    names = ("inkdigits", "torch", "numpy")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {name: metadata.version(name) for name in names}
    return {"python": platform.python_version(), **found, "commit": commit.stdout.strip()}
