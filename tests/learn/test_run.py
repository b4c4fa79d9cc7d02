import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score

from inkdigits import __version__, data, stats
from inkdigits.errors import UserError
from inkdigits.learn import checkpoint, directory, history, options, run, train
from inkdigits.learn.classifier import classifier
from inkdigits.learn.directory import MODEL_FILE, RUN_FILE
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.sets import Source
from inkdigits.learn.train import STATE_FILE, Stopped, Watch
from inkdigits.types import Dataset

PICTURES = {"curves.png", "confusion.png", "first_predictions.png"}


def asked(**values: Any) -> TrainOptions:
    small = {"model": "lenet5", "optimizer": "adam", "learning_rate": 3e-3, "batch": 50, "epochs": 2.0}
    return options.change(TrainOptions(), small | {"precision": "fp32", "device": "cpu"} | values)


def saved(folder: Path, digits: Dataset, **parts: slice) -> str:
    """A set whose splits are those rows of the digits, as a path."""
    arrays: dict[str, Any] = {f"x_{name}": digits.images[rows] for name, rows in parts.items()}
    arrays |= {f"y_{name}": digits.labels[rows] for name, rows in parts.items()}
    np.savez(folder / "digits.npz", **arrays)
    return str(folder / "digits.npz")


@pytest.fixture
def source(digits: Dataset, tmp_path: Path) -> str:
    """500 digits to learn from and 100 for the test."""
    return saved(tmp_path, digits, train=slice(500), test=slice(500, 600))


@pytest.fixture(scope="module")
def finished(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> run.Result:
    """What a whole run gave, for tests that only look."""
    folder = tmp_path_factory.mktemp("finished")
    path = saved(folder, digits, train=slice(500), test=slice(500, 600))
    return run.run(path, asked(epochs=4.0), folder / "run")


def about(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / RUN_FILE).read_text())
    return found


def rows_of(dataset: Dataset, whole: Dataset) -> set[int]:
    """Which rows of the whole set the images are."""
    where = {image.tobytes(): row for row, image in enumerate(whole.images)}
    return {where[image.tobytes()] for image in dataset.images}


def test_the_directory_holds_what_was_promised(finished: run.Result) -> None:
    models = {"model.safetensors", "last.safetensors", "best.safetensors"}
    assert {path.name for path in finished.folder.iterdir()} - PICTURES == {RUN_FILE, history.FILE, *models}
    found = about(finished.folder)
    assert found["finished"]
    assert found["arguments"] == {"data": found["arguments"]["data"], **options.flat(asked(epochs=4.0))}
    assert {name: len(found["data"][name]) for name in found["data"]} == {"training": 64, "test": 64}
    assert found["versions"]["inkdigits"] == __version__
    assert found["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found["machine"]["threads"] == torch.get_num_threads()
    records = history.read(finished.folder / history.FILE)
    assert [record.step for record in records if record.validation_loss is not None] == [9, 18, 27, 36]


def test_the_figures_are_those_of_the_saved_model_on_the_test_set(finished: run.Result) -> None:
    model = checkpoint.load(finished.folder / MODEL_FILE)
    test = data.load(about(finished.folder)["arguments"]["data"], "test")
    scores = classifier(model.network)(test.images)
    assert np.array_equal(scores, finished.scores)
    evaluation = about(finished.folder)["evaluation"]
    assert evaluation == json.loads(json.dumps(asdict(finished.evaluation)))
    assert evaluation["n"] == 100
    assert evaluation["accuracy"] == pytest.approx(accuracy_score(test.labels, scores.argmax(1)))
    assert evaluation["accuracy"] > 0.5


def test_the_model_file_tells_where_it_comes_from(finished: run.Result) -> None:
    card = checkpoint.load(finished.folder / MODEL_FILE).card
    found = about(finished.folder)
    assert card.label_names == tuple("0123456789")
    assert card.provenance["sha256"] == found["data"]["training"]
    assert card.provenance["options"] == options.flat(asked(epochs=4.0))
    assert card.provenance["versions"] == found["versions"]
    assert (card.provenance["n_training"], card.provenance["n_steps"]) == (450, 36)


def test_the_pictures_can_be_drawn(finished: run.Result) -> None:
    run.draw(finished)
    assert {path.name for path in finished.folder.glob("*.png")} == PICTURES


def test_the_commit_is_that_of_the_checkout(finished: run.Result) -> None:
    root = Path(directory.__file__).parents[3]
    head = root / ".git" / "HEAD"
    if not head.is_file():
        pytest.skip("this is no checkout")
    name = head.read_text().removeprefix("ref: ").strip()
    branch = root / ".git" / name
    commit = str(about(finished.folder)["commit"]).removesuffix("-dirty")
    assert commit == (branch.read_text().strip() if branch.is_file() else name)


def test_a_commit_is_the_packages_own_and_says_what_was_changed_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "directory.py"
    package.write_text("# as it was committed\n")
    monkeypatch.setattr(directory, "__file__", str(package))

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "someone else's")
    assert directory._commit() is None
    git("add", "directory.py")
    git("commit", "-q", "-m", "ours")
    assert directory._commit() == git("rev-parse", "HEAD")
    package.write_text("# changed\n")
    assert directory._commit() == git("rev-parse", "HEAD") + "-dirty"


def test_without_git_there_is_no_commit(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    run.run(source, asked(epochs=0.1), tmp_path / "run")
    assert about(tmp_path / "run")["commit"] is None


@pytest.mark.parametrize("keep", ["last", "best"])
def test_the_model_is_the_last_or_the_best(keep: str, source: str, tmp_path: Path) -> None:
    run.run(source, asked(keep=keep, decay="none", learning_rate=0.02), tmp_path / "run")
    models = {path.stem: path.read_bytes() for path in (tmp_path / "run").glob("*.safetensors")}
    assert models["model"] == models[keep]
    records = history.read(tmp_path / "run" / history.FILE)
    losses = [record.validation_loss for record in records if record.validation_loss is not None]
    assert (models["last"] == models["best"]) == (losses[-1] == min(losses))


def test_without_validation_there_is_one_model(source: str, tmp_path: Path) -> None:
    run.run(source, asked(validation=0.0, epochs=0.5), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").glob("*.safetensors")] == [MODEL_FILE]
    assert history.read(tmp_path / "run" / history.FILE)[0].validation_loss is None


def test_the_test_set_is_not_read_before_the_model_is_saved(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, bool]] = []
    load = data.load

    def look(name: str, split: str = "train") -> Dataset:
        read.append((split, (tmp_path / "run" / MODEL_FILE).exists()))
        return load(name, split)

    monkeypatch.setattr(data, "load", look)
    run.run(source, asked(epochs=0.5, keep="best"), tmp_path / "run")
    assert read == [("train", False), ("test", True)]


SPLITS: list[dict[str, slice]] = [
    {"train": slice(480), "validation": slice(480, 600)},
    {"test": slice(600)},
    {"validation": slice(600)},
    {"train": slice(480), "test": slice(480, 600)},
    {"validation": slice(480), "test": slice(480, 600)},
]


@pytest.mark.parametrize("parts", SPLITS, ids=str)
def test_no_test_image_is_learnt_from_whatever_splits_there_are(
    parts: dict[str, slice], digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[Dataset | None] = []
    loop = train.train

    def look(training: Dataset, validation: Dataset | None, *rest: Any, **named: Any) -> train.Trained:
        learnt.extend([training, validation])
        return loop(training, validation, *rest, **named)

    monkeypatch.setattr(run, "train", look)
    result = run.run(saved(tmp_path, digits, **parts), asked(epochs=0.1), tmp_path / "run")
    training, validation = (rows_of(part, digits) for part in learnt if part is not None)
    test = rows_of(result.test, digits)
    assert not training & validation
    assert not (training | validation) & test
    assert 75 <= len(test) <= 125
    assert result.test.split == "test"


def test_a_folder_of_pictures_without_a_test_split_holds_one_out(digits: Dataset, tmp_path: Path) -> None:
    for row in range(120):
        path = tmp_path / "mine" / str(digits.labels[row]) / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits.images[row]).save(path)
    source = str(tmp_path / "mine")
    training, name = Source(source).training()
    test = Source(source).test(training, name)
    assert rows_of(training, digits) | rows_of(test, digits) == set(range(120))
    assert not rows_of(training, digits) & rows_of(test, digits)
    assert len(test) == pytest.approx(20, abs=4)
    assert set(test.labels) == set(range(10))
    result = run.run(source, asked(epochs=0.5, batch=20), tmp_path / "run")
    assert result.evaluation.n == len(result.scores) == len(result.test)


def test_which_images_are_kept_for_the_test_does_not_depend_on_the_seed(
    digits: Dataset, tmp_path: Path
) -> None:
    source = saved(tmp_path, digits, train=slice(600))
    first, other = (run.run(source, asked(epochs=0.1, seed=seed), tmp_path / str(seed)) for seed in (0, 1))
    assert np.array_equal(first.test.images, other.test.images)
    assert not np.array_equal(first.scores, other.scores)


def test_a_set_is_chosen_by_its_own_validation_split(digits: Dataset, tmp_path: Path) -> None:
    source = saved(tmp_path, digits, train=slice(400), validation=slice(400, 500), test=slice(500, 600))
    training, _ = Source(source).training()
    kept, validation = Source(source).validation(training, asked())
    assert validation is not None
    assert rows_of(kept, digits) == set(range(400))
    assert rows_of(validation, digits) == set(range(400, 500))
    assert Source(source).validation(training, asked(validation=0.0))[1] is None


def test_other_labels_in_the_validation_split_are_refused(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = saved(tmp_path, digits, train=slice(400), validation=slice(400, 600))
    other = replace(digits, label_names=tuple("abcdefghij"), split="validation")
    monkeypatch.setattr(data, "load", lambda *_: other)
    with pytest.raises(
        UserError, match=r"the validation split of .* has the labels a, b, .*, but the training"
    ):
        Source(source).validation(digits, asked())


def test_no_writer_is_on_both_sides_of_the_validation_split(
    digits: Dataset, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_writer = replace(digits, groups=np.arange(600) // 30)
    seen: list[Dataset] = []

    def look(training: Dataset, validation: Dataset, *_: Any, **__: Any) -> None:
        seen.extend([training, validation])
        raise Stopped(0, 1)

    monkeypatch.setattr(data, "load", lambda *_: by_writer)
    monkeypatch.setattr(run, "train", look)
    with pytest.raises(Stopped):
        run.run(source, asked(), tmp_path / "run")
    writers = [set(part.groups.tolist()) for part in seen if part.groups is not None]
    assert len(writers) == 2
    assert not writers[0] & writers[1]
    assert len(seen[1]) == 60


def test_flips_of_digits_are_warned_of(source: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="a mirrored 2 is no 2"):
        run.run(source, asked(epochs=0.1, flip_horizontal=True), tmp_path / "run")


def test_other_labels_in_the_test_split_are_refused(
    digits: Dataset, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(digits, label_names=tuple("abcdefghij"))
    monkeypatch.setattr(data, "load", lambda _, split: digits if split == "train" else other)
    with pytest.raises(
        UserError, match=r"the test split of .* has the labels a, b, .*, but the training split has 0, 1"
    ):
        run.run(source, asked(epochs=0.1), tmp_path / "run")


class After:
    """Asks for a stop once `n` steps are made."""

    def __init__(self, n: int) -> None:
        self._left = n

    def __call__(self) -> bool:
        self._left -= 1
        return self._left == 0


def test_a_directory_in_use_is_refused(source: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        run.run(source, asked(), folder, watch=Watch(stop=After(3)))
    with pytest.raises(UserError, match="holds a run that isn't through; go on with --resume"):
        run.run(source, asked(), folder)
    run.run(source, asked(), folder, resume=True)
    before = (folder / RUN_FILE).read_bytes()
    with pytest.raises(UserError, match="already holds a run; name another directory with --out"):
        run.run(source, asked(), folder)
    with pytest.raises(UserError, match="is finished; name another directory with --out"):
        run.run(source, asked(), folder, resume=True)
    assert (folder / RUN_FILE).read_bytes() == before


def test_a_directory_that_another_process_is_at_work_in_is_refused(source: str, tmp_path: Path) -> None:
    told: list[str] = []

    def begin_another() -> bool:
        program = str(Path(sys.executable).with_name("inkdigits"))
        command = [program, "train", source, "--out", str(tmp_path / "run")]
        told.append(subprocess.run(command, capture_output=True, text=True, check=False).stderr)
        return True

    with pytest.raises(Stopped):
        run.run(source, asked(), tmp_path / "run", watch=Watch(stop=begin_another))
    assert f"another run is at work in {tmp_path / 'run'}; name another directory" in told[0]
    run.run(source, asked(), tmp_path / "run", resume=True)


def test_what_is_refused_leaves_no_trace(source: str, finished: run.Result, tmp_path: Path) -> None:
    before = sorted(path.name for path in finished.folder.iterdir())
    for resume in (False, True):
        with pytest.raises(UserError, match="name another directory with --out"):
            run.run(source, asked(), finished.folder, resume=resume)
    assert sorted(path.name for path in finished.folder.iterdir()) == before
    with pytest.raises(UserError, match="nosuch"):
        run.run("nosuch", asked(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_history_is_kept_while_the_run_goes_on(source: str, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run.run(source, asked(), tmp_path / "run", watch=Watch(stop=After(3)))
    assert [record.step for record in history.read(tmp_path / "run" / history.FILE)] == [1, 2, 3]


def test_a_run_that_broke_off_before_it_was_judged_is_judged_on_resume(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    with monkeypatch.context() as broken:
        broken.setattr(Source, "test", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run.run(source, asked(), folder)
    model = (folder / MODEL_FILE).read_bytes()
    assert not about(folder)["finished"]
    run.run(source, asked(), folder, resume=True)
    assert about(folder)["finished"]
    assert (folder / MODEL_FILE).read_bytes() == model


def test_what_a_killed_run_left_half_written_is_swept_away(source: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        run.run(source, asked(), folder, watch=Watch(stop=After(3)))
    (folder / f".{STATE_FILE}.0123abcd.part").write_bytes(b"half")
    run.run(source, asked(), folder, resume=True)
    assert not list(folder.glob(".*"))
    assert not (folder / STATE_FILE).exists()


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"arguments": {}}', "{}", "[" * 100_000])
def test_where_no_run_was_begun_there_are_no_arguments(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / RUN_FILE).write_text(text)
    with pytest.raises(UserError, match="holds no run to resume: "):
        directory.arguments_of(tmp_path)


def test_the_arguments_of_a_run_are_those_it_was_begun_with(finished: run.Result) -> None:
    arguments = directory.arguments_of(finished.folder)
    del arguments["data"]
    assert options.change(TrainOptions(), arguments) == asked(epochs=4.0)


def test_a_run_with_enough_held_out_images_ends_with_a_temperature_and_thresholds(
    data_folder: Path, tmp_path: Path
) -> None:
    mnist = data.load("mnist", "train")
    path = saved(tmp_path, mnist, train=slice(2000), validation=slice(2000, 5000), test=slice(5000, 7000))
    found = run.run(path, asked(label_smoothing=0.3), tmp_path / "run")
    model = checkpoint.load(found.folder / MODEL_FILE)
    assert model.card.temperature < 0.8  # smoothing makes a network less sure than it may be
    assert {"0.02", "0.05"} <= model.card.thresholds.keys()
    plain = classifier(model.network)(found.test.images)
    sure = [scores.max(axis=1) for scores in (plain, found.scores)]
    right = plain.argmax(axis=1) == found.test.labels
    before, after = (stats.calibration_error(each, right) for each in sure)
    assert after < before / 2
    accepted = sure[1] >= model.card.thresholds["0.02"]
    assert (np.mean(~right[accepted]) < 0.03, accepted.mean() > 0.5) == (True, True)
