import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from PIL import Image

from inkdigits import data
from inkdigits.data import split
from inkdigits.errors import UserError
from inkdigits.learn import options as learning
from inkdigits.learn import rate_finder, run, sets, study_file, tune
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.train import Stopped, Watch, train
from inkdigits.learn.tune import Found, Plan, Tried
from inkdigits.types import Dataset

QUICK = {"model": "mlp", "width": 0.25, "batch": 32, "optimizer": "momentum", "precision": "fp32"}
QUICK |= {"learning_rate": 0.1, "validation": 0.2}

N_TRIALS = 12
"""Two more than Optuna draws blindly."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A search that went through without a break."""

    folder: Path
    found: Found
    tried: list[Tried]


@pytest.fixture(scope="module")
def source(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits as a user's own set, without a test split."""
    return saved(digits, tmp_path_factory.mktemp("own") / "digits.npz")


@pytest.fixture(scope="module")
def unbroken(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    tried: list[Tried] = []
    folder = tmp_path_factory.mktemp("unbroken") / "search"
    found = tune.search(plan(source, N_TRIALS), folder, watch=Watch(), after_trial=tried.append)
    return Done(folder=folder, found=found, tried=tried)


def saved(dataset: Dataset, path: Path) -> Path:
    np.savez(path, images=dataset.images, labels=dataset.labels)
    return path


def plan(source: Path, n_trials: int = 1, **values: Any) -> Plan:
    start = learning.change(TrainOptions(), QUICK | values)
    return Plan(source=str(source), start=start, fixed=frozenset({"batch", *values}), n_trials=n_trials)


def search(folder: Path, asked: Plan) -> Found:
    return tune.search(asked, folder, watch=Watch())


def trials(folder: Path) -> list[FrozenTrial]:
    with study_file.opened(folder / tune.STUDY_FILE) as study:
        return study.get_trials()


def outcomes(folder: Path) -> list[tuple[Any, ...]]:
    """What became of the trials that are through, in their order."""
    through = [trial for trial in trials(folder) if trial.state in tune.THROUGH]
    return [(trial.state, trial.params, trial.value, trial.user_attrs.get("loss")) for trial in through]


def test_a_search_leaves_what_it_found_and_two_pictures(unbroken: Done) -> None:
    written = json.loads((unbroken.folder / "search.json").read_text())
    assert (written["n_trials"], written["accuracy"]) == (N_TRIALS, unbroken.found.accuracy)
    assert written["options"] == unbroken.found.options
    assert {"inkdigits", "torch", "optuna"} <= set(written["versions"])
    for name in ("learning_rate.png", "importances.png"):
        with Image.open(unbroken.folder / name) as picture:
            assert min(picture.size) > 300


def test_what_mattered_are_shares_of_a_whole(unbroken: Done) -> None:
    assert set(unbroken.found.importances) == set(unbroken.found.options)
    assert sum(unbroken.found.importances.values()) == pytest.approx(1)


def test_the_first_trial_is_the_start_and_the_best_is_no_worse(source: Path, unbroken: Done) -> None:
    start = learning.flat(plan(source).start)
    assert trials(unbroken.folder)[0].params == {name: start[name] for name in unbroken.found.options}
    assert [one.number for one in unbroken.tried] == list(range(1, N_TRIALS + 1))
    assert unbroken.found.accuracy == max(one.accuracy or 0 for one in unbroken.tried)


def test_of_equal_accuracies_the_lower_loss_is_best(unbroken: Done) -> None:
    equals = [trial for trial in trials(unbroken.folder) if trial.value == unbroken.found.accuracy]
    assert unbroken.found.loss == min(trial.user_attrs["loss"] for trial in equals)


def test_a_run_with_what_was_found_has_the_accuracy_that_was_promised(
    source: Path, unbroken: Done, tmp_path: Path
) -> None:
    run.run(str(source), learning.change(TrainOptions(), QUICK | dict(unbroken.found.options)), tmp_path)
    header, *_, last = (line.split(",") for line in (tmp_path / "history.csv").read_text().splitlines())
    assert float(last[header.index("validation_accuracy")]) == unbroken.found.accuracy
    assert float(last[header.index("validation_loss")]) == unbroken.found.loss


def test_a_search_goes_on_as_if_it_had_never_been_left(source: Path, unbroken: Done, tmp_path: Path) -> None:
    parts = [search(tmp_path, plan(source, n)) for n in (1, N_TRIALS - 1, N_TRIALS)]
    assert [part.n_trials for part in parts] == [1, N_TRIALS - 1, N_TRIALS]
    assert outcomes(tmp_path) == outcomes(unbroken.folder)
    assert parts[-1] == unbroken.found


@pytest.mark.parametrize(("n_tried", "n_steps"), [(0, rate_finder.N_STEPS), (0, 12), (2, 12)])
def test_a_search_that_was_stopped_in_finder_or_trial_loses_only_that(
    source: Path, unbroken: Done, tmp_path: Path, n_tried: int, n_steps: int
) -> None:
    tried: list[Tried] = []
    steps: list[int] = []

    def note(step: int, steps_in_all: int, _loss: float) -> None:
        if (len(tried), steps_in_all) == (n_tried, n_steps):
            steps.append(step)

    watch = Watch(after_step=note, stop=lambda: len(steps) >= 5)
    with pytest.raises(Stopped):
        tune.search(plan(source, 3), tmp_path, watch=watch, after_trial=tried.append)
    assert steps == [1, 2, 3, 4, 5]
    search(tmp_path, plan(source, 3))
    assert outcomes(tmp_path) == outcomes(unbroken.folder)[:3]


def test_a_search_that_is_through_makes_no_further_trial(source: Path, unbroken: Done) -> None:
    tried: list[Tried] = []
    again = tune.search(plan(source, 1), unbroken.folder, watch=Watch(), after_trial=tried.append)
    assert again == unbroken.found
    assert tried == []


def test_hopeless_trials_are_given_up_before_their_last_epoch(source: Path, tmp_path: Path) -> None:
    found = search(tmp_path, plan(source, 9, epochs=3.0))
    by_state = {state: [t for t in trials(tmp_path) if t.state == state] for state in tune.THROUGH}
    assert found.n_given_up == len(by_state[TrialState.PRUNED]) > 0
    assert {len(t.intermediate_values) for t in by_state[TrialState.PRUNED]} <= {1, 2}
    assert {len(t.intermediate_values) for t in by_state[TrialState.COMPLETE]} == {3}


def test_a_trial_in_its_last_epoch_is_seen_through(source: Path, tmp_path: Path) -> None:
    found = search(tmp_path, plan(source, 9, epochs=0.5, least_steps=12))
    assert found.n_given_up == 0


def test_a_loss_beyond_all_numbers_is_a_trial_given_up(source: Path, tmp_path: Path) -> None:
    hot = plan(source, learning_rate=100.0, weight_decay=10.0, epochs=3.0)
    with pytest.raises(UserError, match="none of 1 trials came through; start from a lower learning rate"):
        search(tmp_path, hot)
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.PRUNED]


def test_with_keep_best_the_best_epoch_counts(source: Path, tmp_path: Path) -> None:
    asked = plan(source, epochs=4.0, keep="best", learning_rate=0.5, momentum=0.9)
    found = search(tmp_path, asked)
    training, validation = split.hold_out(sets.Source(str(source)).training()[0], 0.2, seed=0)
    history = train(training, validation, learning.change(asked.start, found.options)).history
    best = min(history, key=lambda epoch: epoch.validation_loss or 9)
    assert (found.loss, found.accuracy) == (best.validation_loss, best.validation_accuracy)


def test_writers_of_validation_images_are_not_trained_on(data_folder: Path) -> None:
    training, validation = tune._held_apart("mnist", data.load("mnist", "train"), TrainOptions())
    assert training.groups is not None
    assert validation.groups is not None
    assert not set(training.groups.tolist()) & set(validation.groups.tolist())


def test_a_test_split_that_cannot_be_read_does_not_matter(digits: Dataset, tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", digits.images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", digits.labels.astype(np.uint8))
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / name).write_bytes(b"not to be read")
    with pytest.raises(UserError):
        data.load(str(tmp_path), "test")
    assert search(tmp_path / "out", plan(tmp_path)).n_trials == 1


def write_idx(path: Path, array: np.ndarray[Any, Any]) -> None:
    path.write_bytes(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


def test_images_left_out_for_the_test_change_nothing(
    digits: Dataset, source: Path, unbroken: Done, tmp_path: Path
) -> None:
    training, name = sets.Source(str(source)).training()
    left_out = sets.Source(str(source)).test(training, name)
    assert len(training) + len(left_out) == len(digits)
    np.savez(
        tmp_path / "spoilt.npz",
        x_train=training.images,
        y_train=training.labels,
        x_test=np.rot90(left_out.images, axes=(1, 2)),
        y_test=left_out.labels,
    )
    search(tmp_path, plan(tmp_path / "spoilt.npz"))
    assert outcomes(tmp_path) == outcomes(unbroken.folder)[:1]


def test_another_search_in_the_same_directory_is_refused(
    digits: Dataset, source: Path, unbroken: Done, tmp_path: Path
) -> None:
    fewer = saved(digits.select(np.arange(500), split="train"), tmp_path / "fewer.npz")
    asked = plan(source)
    slower = learning.change(asked.start, {"warmup": 0.5})
    for other, differs in (
        (plan(fewer), "other data"),
        (Plan(source=str(source), start=slower, fixed=asked.fixed, n_trials=1), "option warmup 0.1, not 0.5"),
        (plan(source, momentum=asked.start.momentum), "fixed options 'batch', not 'batch, momentum'"),
    ):
        with pytest.raises(UserError, match=f"holds a search with {differs}; go on with it as it was begun"):
            search(unbroken.folder, other)
    assert len(outcomes(unbroken.folder)) == N_TRIALS


def test_a_copy_of_the_data_elsewhere_is_the_same_data(
    digits: Dataset, unbroken: Done, tmp_path: Path
) -> None:
    moved = saved(digits, tmp_path / "moved.npz")
    assert search(unbroken.folder, plan(moved)).n_trials == N_TRIALS


def test_data_that_cannot_be_searched_on_are_refused(digits: Dataset, tmp_path: Path) -> None:
    ones = digits.select(np.flatnonzero(digits.labels == 1), split="train")
    with pytest.raises(UserError, match="one class only"):
        search(tmp_path / "out", plan(saved(ones, tmp_path / "ones.npz")))
    few = saved(digits.select(np.arange(60), split="train"), tmp_path / "few.npz")
    with pytest.raises(UserError, match=r"leaves \d+ images for validation, but a search needs 20"):
        search(tmp_path / "out", plan(few))
    assert not (tmp_path / "out").exists()


def test_plans_without_trials_or_validation_are_refused(source: Path) -> None:
    with pytest.raises(UserError, match="trials is 0, but has to be at least 1"):
        plan(source, 0)
    with pytest.raises(UserError, match="needs a validation split"):
        plan(source, validation=0.0)


def test_a_search_with_everything_fixed_is_refused(source: Path, tmp_path: Path) -> None:
    asked = plan(source)
    everything = frozenset(learning.flat(asked.start))
    with pytest.raises(UserError, match="leave one of them open"):
        search(tmp_path, Plan(source=str(source), start=asked.start, fixed=everything, n_trials=1))


def test_one_trial_is_too_few_to_tell_what_mattered_and_nothing_is_said_along_the_way(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert search(tmp_path, plan(source)).importances == {}
    assert (tmp_path / "importances.png").exists()
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR
