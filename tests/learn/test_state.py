from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inkdigits.errors import UserError
from inkdigits.learn import checkpoint, options, train
from inkdigits.learn.options import CHOICES, TrainOptions
from inkdigits.learn.train import STATE_FILE, Stopped, Trained, Watch
from inkdigits.types import Dataset

N_STEPS = 12
"""Of a whole run: two epochs of five steps and two fifths of a third."""


def asked(**values: Any) -> TrainOptions:
    small = {"model": "sprint", "width": 0.5, "batch": 20, "epochs": 2.4, "averaging": 0.5, "keep": "best"}
    changed = {"rotation": 10.0, "precision": "fp32", "device": "cpu"}
    return options.change(TrainOptions(), small | changed | values)


def parts(digits: Dataset) -> tuple[Dataset, Dataset]:
    rows = np.arange(140)
    return digits.select(rows[:100], split="train"), digits.select(rows[100:], split="validation")


class After:
    """Asks for a stop once `n` steps are made."""

    def __init__(self, n: int) -> None:
        self._left = n

    def __call__(self) -> bool:
        self._left -= 1
        return self._left == 0


def outcome(trained: Trained) -> dict[str, Any]:
    """Everything that a run gives but its seconds."""
    history = [asdict(epoch) | {"seconds": None} for epoch in trained.history]
    weights = (trained.network.state_dict(), trained.last, trained.best)
    return {
        "history": history,
        "n_steps": trained.n_steps,
        "bytes": [checkpoint.pack(whole(w), {}) for w in weights],
    }


def whole(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: t.contiguous() for name, t in weights.items()}


def stop_and_go_on(digits: Dataset, wanted: TrainOptions, folder: Path, *, stops: list[int]) -> Trained:
    """A run stopped after so many steps each time, and gone on with in the end."""
    folder.mkdir()
    for n, resume in zip(stops, [False] + [True] * len(stops), strict=False):
        with pytest.raises(Stopped):
            train.train(*parts(digits), wanted, folder=folder, resume=resume, watch=Watch(stop=After(n)))
    return train.train(*parts(digits), wanted, folder=folder, resume=True)


@pytest.mark.parametrize("values", [{}, {"model": "alexnet"}, {"precision": "bf16"}], ids=str)
def test_a_run_stopped_after_any_step_goes_on_to_the_same_bytes(
    values: dict[str, Any], digits: Dataset, tmp_path: Path
) -> None:
    unbroken = outcome(train.train(*parts(digits), asked(**values)))
    for step in range(1, N_STEPS + 1):
        resumed = stop_and_go_on(digits, asked(**values), tmp_path / str(step), stops=[step])
        assert outcome(resumed) == unbroken, f"stopped after step {step}"


@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_every_optimizer_goes_on_to_the_same_bytes(name: str, digits: Dataset, tmp_path: Path) -> None:
    wanted = asked(optimizer=name, learning_rate=0.01, weight_decay=0.01)
    unbroken = train.train(*parts(digits), wanted)
    resumed = stop_and_go_on(digits, wanted, tmp_path / "run", stops=[3, 2, 4, 1])
    assert outcome(resumed) == outcome(unbroken)


def test_patience_is_not_forgotten_over_a_stop(digits: Dataset, tmp_path: Path) -> None:
    wanted = asked(model="lenet5", learning_rate=0.0, vector_rate=0.0, epochs=9.0, patience=2)
    unbroken = train.train(*parts(digits), wanted)
    assert unbroken.history[-1].epoch == 3
    for i, stops in enumerate([[5], [10], [15], [1, 5, 5]]):
        assert outcome(stop_and_go_on(digits, wanted, tmp_path / str(i), stops=stops)) == outcome(unbroken)


def test_the_state_is_saved_as_often_as_asked(digits: Dataset, tmp_path: Path) -> None:
    saved: list[bytes] = []

    def look() -> bool:
        path = tmp_path / STATE_FILE
        saved.append(path.read_bytes() if path.exists() else b"")
        return False

    train.train(*parts(digits), asked(), folder=tmp_path, watch=Watch(stop=look, save_every=0.0))
    assert len(set(saved)) == N_STEPS
    saved.clear()
    (tmp_path / STATE_FILE).unlink()
    train.train(*parts(digits), asked(), folder=tmp_path, watch=Watch(stop=look))
    assert set(saved) == {b""}


def test_without_a_saved_state_resume_begins(digits: Dataset, tmp_path: Path) -> None:
    begun = train.train(*parts(digits), asked(), folder=tmp_path, resume=True)
    assert outcome(begun) == outcome(train.train(*parts(digits), asked()))


def test_seconds_add_up_over_a_stop(digits: Dataset, tmp_path: Path) -> None:
    resumed = stop_and_go_on(digits, asked(), tmp_path / "run", stops=[6])
    seconds = [epoch.seconds for epoch in resumed.history]
    assert 0 < seconds[0] < seconds[1] < seconds[2] <= resumed.seconds


@pytest.fixture
def stopped(digits: Dataset, tmp_path: Path) -> Path:
    """The folder of a run that was stopped after its seventh step."""
    with pytest.raises(Stopped, match="stopped after step 7 of 12"):
        train.train(*parts(digits), asked(), folder=tmp_path, about={"seed": 0}, watch=Watch(stop=After(7)))
    return tmp_path


def resume(digits: Dataset, folder: Path, *, about: dict[str, Any] | None = None, **values: Any) -> Trained:
    known = {"seed": 0} if about is None else about
    return train.train(*parts(digits), asked(**values), folder=folder, resume=True, about=known)


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"seed": 1}, "seed was 0 then and is 1 now"),
        ({"seed": 0, "data": "mnist"}, "data was None then and is 'mnist' now"),
        ({}, "seed was 0 then and is None now"),
    ],
)
def test_another_run_is_refused(about: dict[str, Any], sentence: str, stopped: Path, digits: Dataset) -> None:
    before = (stopped / STATE_FILE).read_bytes()
    with pytest.raises(UserError, match=f"cannot resume .*{STATE_FILE}: {sentence}"):
        resume(digits, stopped, about=about)
    assert (stopped / STATE_FILE).read_bytes() == before


@pytest.mark.parametrize("values", [{"model": "mlp"}, {"width": 0.25}, {"optimizer": "sgd"}], ids=str)
def test_a_state_that_doesnt_fit_is_refused(values: dict[str, Any], stopped: Path, digits: Dataset) -> None:
    with pytest.raises(UserError, match=f"{STATE_FILE} does not hold "):
        resume(digits, stopped, **values)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99])
def test_a_torn_state_is_refused(share: float, stopped: Path, digits: Dataset) -> None:
    path = stopped / STATE_FILE
    path.write_bytes(path.read_bytes()[: round(share * path.stat().st_size)])
    with pytest.raises(UserError, match=f"cannot read .*{STATE_FILE}"):
        resume(digits, stopped)


@pytest.mark.parametrize(
    "described", [{}, {"format": 1}, {"numbers": {}}, {"numbers": {}, "about": {"seed": 0}}], ids=str
)
def test_a_file_that_is_no_state_is_refused(
    described: dict[str, Any], tmp_path: Path, digits: Dataset
) -> None:
    (tmp_path / STATE_FILE).write_bytes(checkpoint.pack({"x": torch.zeros(2)}, described))
    with pytest.raises(UserError, match=f"{STATE_FILE} (is not a training state|does not hold )"):
        resume(digits, tmp_path)


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "about nothing": lambda described: described.update(about=None),
    "about a list": lambda described: described.update(about=[]),
    "a step that is a word": lambda described: described["numbers"].update(step="x"),
    "a step that is missing": lambda described: described["numbers"].pop("step"),
    "optimizer steps that are nothing": lambda described: described.update(optimizer_steps=[None, None]),
    "a history of numbers": lambda described: described.update(history=[1]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_state_whose_description_is_damaged_is_refused(
    damage: Callable[[dict[str, Any]], object], stopped: Path, digits: Dataset
) -> None:
    tensors, described = checkpoint.unpack(stopped / STATE_FILE)
    damage(described)
    (stopped / STATE_FILE).write_bytes(checkpoint.pack(tensors, described))
    with pytest.raises(UserError, match=f"{STATE_FILE} (is not a training state|does not hold )"):
        resume(digits, stopped)
