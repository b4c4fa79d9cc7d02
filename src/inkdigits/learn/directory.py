"""The run directory: what lies in it, who is at work there, and whether the run in it may go on."""

import contextlib
import json
import platform
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inkdigits import __version__, files, lock
from inkdigits.card import Card
from inkdigits.errors import UserError
from inkdigits.learn import checkpoint, device
from inkdigits.learn.state import check_same_run
from inkdigits.learn.train import STATE_FILE, Trained

MODEL_FILE = "model.safetensors"
CANDIDATE_FILE = "candidate.safetensors"
"""A model that is not, or not yet, to take the place of the one that it was made from."""

RUN_FILE = "run.json"
LOCK_FILE = ".lock"


@contextlib.contextmanager
def opened(
    folder: Path,
    arguments: Mapping[str, Any],
    hashes: Mapping[str, str],
    *,
    resume: bool,
    found: Mapping[str, Any] | None = None,
) -> Iterator[None]:
    """The directory of a run with those arguments and data, to work in while no other process does.

    `found` is what is to be written down from the beginning.

    What was begun there before goes on with `resume`. When it is left without an error the run is through.
    Raises UserError as `check` does, where another process is at work, and where another run was begun.
    """
    guard = folder / LOCK_FILE
    with lock.held(guard, busy=f"another run is at work in {folder}; name another directory"):
        check(folder, resume=resume)  # again: another process may just have been through
        files.sweep(folder)
        if resume and (folder / RUN_FILE).exists():
            begun = described(folder)
            check_same_run(folder, begun["arguments"] | begun["data"], {**arguments, **hashes})
        else:
            _write(folder, {"arguments": arguments, "data": hashes, **(found or {}), "finished": False})
        yield
        (folder / STATE_FILE).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # where a run is finished, none is begun: nothing to guard
        guard.unlink()


def check(folder: Path, *, resume: bool) -> None:
    """Raises UserError where a run was finished there, or begun and `resume` is off."""
    if resume:
        if (folder / RUN_FILE).exists() and described(folder).get("finished"):
            raise UserError(f"{folder} is finished; name another directory with --out")
        return
    if _is_finished(folder):
        raise UserError(f"{folder} already holds a run; name another directory with --out")
    if any((folder / name).exists() for name in (STATE_FILE, MODEL_FILE, CANDIDATE_FILE)):
        raise UserError(
            f"{folder} holds a run that isn't through; go on with --resume, or name another --out"
        )


def _is_finished(folder: Path) -> bool:
    try:
        return bool(described(folder).get("finished"))
    except UserError:
        return False


def save(folder: Path, trained: Trained, card: Card, *, name: str = MODEL_FILE) -> None:
    """Writes the model file; with a validation split also `last` and `best`."""
    model = checkpoint.Model(network=trained.network, card=card)
    kept = {key: t.clone() for key, t in trained.network.state_dict().items()}
    for which, weights in (("last", trained.last), ("best", trained.best)):
        if trained.best:
            trained.network.load_state_dict(weights)
            checkpoint.save(folder / f"{which}.safetensors", model)
    trained.network.load_state_dict(kept)
    checkpoint.save(folder / name, model)


def describe(
    folder: Path, arguments: Mapping[str, Any], hashes: Mapping[str, str], found: Mapping[str, Any]
) -> None:
    """Writes down that the run is finished: what was asked for, on what, where, and what came of it."""
    where = device.choose(arguments["device"])
    machine = {
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
        "device": where.type,
        "precision": device.precision(arguments["precision"], where),
    }
    about = {"arguments": arguments, "data": hashes, "versions": versions(), "machine": machine}
    _write(folder, {**about, "commit": _commit(), **found, "finished": True})


def arguments_of(folder: Path) -> dict[str, Any]:
    """The arguments of the run in `folder`, by name. Raises UserError where there is no run."""
    arguments: dict[str, Any] = described(folder)["arguments"]
    return arguments


def described(folder: Path) -> dict[str, Any]:
    """All that is written down of the run in `folder`. Raises UserError where there is none."""
    try:
        found: dict[str, Any] = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder} holds no run to resume: {RUN_FILE} is missing or torn") from error
    parts = ("arguments", "data")
    if not isinstance(found, dict) or not all(isinstance(found.get(p), dict) for p in parts):
        raise UserError(f"{folder} holds no run to resume: {RUN_FILE} doesn't describe one")
    return found


def versions() -> dict[str, str]:
    """The versions that a run's figures depend on."""
    return {
        "inkdigits": __version__,
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "numpy": np.__version__,
    }


def _write(folder: Path, described: Mapping[str, Any]) -> None:
    content = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    files.write(folder / RUN_FILE, content.encode())


def _commit() -> str | None:
    """The commit of the checkout that the package runs from, `-dirty` where it was changed since.

    None where there is no checkout.
    """
    here = Path(__file__)
    try:
        _git(here.parent, "ls-files", "--error-unmatch", here.name)  # not just any repository around it
        changed = _git(here.parent, "status", "--porcelain", "--untracked-files=no")
        return _git(here.parent, "rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
