"""Whatever ends a run, going on with it gives the files of an unbroken one, byte for byte."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigits.learn import checkpoint
from inkdigits.learn.directory import MODEL_FILE, RUN_FILE
from inkdigits.learn.history import FILE as HISTORY_FILE
from inkdigits.learn.train import STATE_FILE
from inkdigits.types import Dataset

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")

WANTED = {
    "model": "sprint",
    "width": 0.5,
    "batch": 50,
    "epochs": 3.5,
    "optimizer": "muon",
    "validation": 0.2,
    "averaging": 0.4,
    "keep": "best",
    "rotation": 10.0,
    "elastic": 1.0,
    "stroke": 0.5,
    "erasing": 0.2,
    "noise": 0.05,
    "device": "cpu",
}
N_STEPS = 28
"""Of 600 digits a sixth is kept for the test, and of the rest a fifth for validation: 8 steps an epoch."""

MODELS = ("model.safetensors", "last.safetensors", "best.safetensors")

Attempt = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def source(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits as a user's own set without a test split."""
    path = tmp_path_factory.mktemp("own") / "digits.npz"
    np.savez(path, images=digits.images, labels=digits.labels)
    return path


@pytest.fixture(scope="module")
def attempt(source: Path) -> Iterator[Attempt]:
    """Begins or goes on with the run in a folder, in a process of its own: see `attempts.py`."""
    command = [sys.executable, str(Path(__file__).with_name("attempts.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:

        def ask(folder: Path, wanted: dict[str, Any] | None = None, **how: Any) -> dict[str, Any]:
            assert server.stdin is not None
            assert server.stdout is not None
            asked = {"source": str(source), "folder": str(folder), "wanted": wanted or WANTED, **how}
            server.stdin.write(json.dumps(asked) + "\n")
            server.stdin.flush()
            answer: dict[str, Any] = json.loads(server.stdout.readline())
            return answer

        yield ask
        server.communicate()


@pytest.fixture(scope="module")
def unbroken(attempt: Attempt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    assert attempt(folder) == {"status": 0, "said": ""}
    return folder


def step_of(folder: Path) -> int:
    """The step after which the state was saved; 0 where there is none."""
    path = folder / STATE_FILE
    return int(checkpoint.unpack(path)[1]["numbers"]["step"]) if path.exists() else 0


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run leaves behind but what its clock says."""
    with (folder / HISTORY_FILE).open(newline="") as file:
        history = [row | {"seconds": None} for row in csv.DictReader(file)]
    about = json.loads((folder / RUN_FILE).read_text())
    del about["training_seconds"], about["evaluation"]["images_per_second"]
    models = {name: (folder / name).read_bytes() for name in MODELS}
    return {
        "names": sorted(path.name for path in folder.iterdir()),
        "history": history,
        "about": about,
    } | models


def test_an_unbroken_run_is_as_long_as_asked_and_the_same_again(
    unbroken: Path, attempt: Attempt, tmp_path: Path
) -> None:
    attempt(tmp_path / "again")
    found = outcome(unbroken)
    measured = [int(row["step"]) for row in found["history"] if row["validation_loss"]]
    assert measured == [8, 16, 24, N_STEPS]
    assert found["names"] == sorted([*MODELS, HISTORY_FILE, RUN_FILE])
    assert outcome(tmp_path / "again") == found


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_killed_again_and_again_gives_the_same_bytes(
    seed: int, unbroken: Path, attempt: Attempt, tmp_path: Path
) -> None:
    draw, folder = random.Random(seed), tmp_path / "killed"  # noqa: S311
    steps: list[int] = []
    while not (folder / MODEL_FILE).exists():
        saves = draw.randint(1, 7) if steps else 0
        ended = attempt(folder, kill=(saves, draw.uniform(0, 0.05)))
        assert ended["status"] in (0, -signal.SIGKILL), ended
        steps.append(step_of(folder))
    if not json.loads((folder / RUN_FILE).read_text())["finished"]:
        assert attempt(folder)["status"] == 0
    assert len({step for step in steps if 0 < step < N_STEPS}) >= 3, steps
    assert outcome(folder) == outcome(unbroken)


def test_a_run_stopped_again_and_again_gives_the_same_bytes(
    unbroken: Path, attempt: Attempt, tmp_path: Path
) -> None:
    for n, step in ((5, 5), (3, 8), (1, 9), (12, 21), (7, N_STEPS)):
        assert attempt(tmp_path, stop_after=n) == {
            "status": 1,
            "said": f"stopped after step {step} of {N_STEPS}",
        }
        assert step_of(tmp_path) == step
    assert attempt(tmp_path)["status"] == 0
    assert outcome(tmp_path) == outcome(unbroken)


def test_a_full_disk_loses_nothing_that_was_saved(unbroken: Path, attempt: Attempt, tmp_path: Path) -> None:
    attempt(tmp_path, stop_after=20)
    saved = (tmp_path / STATE_FILE).read_bytes()
    ended = attempt(tmp_path, largest_file=len(saved) // 2)
    assert ended["status"] == 1
    assert ended["said"].startswith(f"cannot write {tmp_path / STATE_FILE}: ")
    assert ended["said"].endswith("; what was saved before is untouched")
    assert (tmp_path / STATE_FILE).read_bytes() == saved
    assert attempt(tmp_path)["status"] == 0
    assert outcome(tmp_path) == outcome(unbroken)


def test_a_disk_that_is_full_at_the_end_keeps_the_last_step(
    unbroken: Path, attempt: Attempt, tmp_path: Path
) -> None:
    attempt(tmp_path, stop_after=N_STEPS)
    size = (unbroken / MODEL_FILE).stat().st_size
    assert attempt(tmp_path, largest_file=size // 2)["said"].startswith(f"cannot write {tmp_path}")
    assert step_of(tmp_path) == N_STEPS
    assert not (tmp_path / MODEL_FILE).exists()
    assert attempt(tmp_path)["status"] == 0
    assert outcome(tmp_path) == outcome(unbroken)


def test_other_options_are_refused_and_the_run_goes_on_with_its_own(
    unbroken: Path, attempt: Attempt, tmp_path: Path
) -> None:
    attempt(tmp_path, stop_after=3)
    ended = attempt(tmp_path, WANTED | {"rotation": 11.0})
    assert ended["status"] == 1
    assert ended["said"] == f"cannot resume {tmp_path}: rotation was 10.0 then and is 11.0 now"
    assert step_of(tmp_path) == 3
    assert attempt(tmp_path)["status"] == 0
    assert outcome(tmp_path) == outcome(unbroken)


def test_other_data_is_refused(attempt: Attempt, source: Path, digits: Dataset, tmp_path: Path) -> None:
    attempt(tmp_path, stop_after=3)
    before = source.read_bytes()
    np.savez(source, images=digits.images[::-1], labels=digits.labels[::-1])
    ended = attempt(tmp_path)
    source.write_bytes(before)
    assert ended["status"] == 1
    assert ended["said"].startswith(f"cannot resume {tmp_path}: training was '")


def test_ctrl_c_stops_cleanly_says_how_to_go_on_and_loses_nothing(
    unbroken: Path, source: Path, attempt: Attempt, tmp_path: Path
) -> None:
    asked = [f"--{name.replace('_', '-')}={value}" for name, value in (WANTED | {"epochs": 400}).items()]
    command = [str(Path(sys.executable).with_name("inkdigits")), "train", str(source), "--out", str(tmp_path)]
    with subprocess.Popen([*command, *asked], stderr=subprocess.PIPE, text=True) as training:
        while not (tmp_path / RUN_FILE).exists():
            assert training.poll() is None
            time.sleep(0.01)
        training.send_signal(signal.SIGINT)
        said = training.communicate()[1]
    assert training.returncode == 130
    step = step_of(tmp_path)
    assert (
        f"stopped after step {step} of 3200; go on with: inkdigits train {source} --out {tmp_path} --resume"
        in (" ".join(said.split()))
    )
    assert "Traceback" not in said
    assert 0 < step < 3200
