import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inkdigits import cli
from inkdigits.learn import options as learning

TRAIN_FLAGS = set(
    "activation adversarial averaging batch decay device elastic epochs erasing flip-horizontal"  # noqa: SIM905
    " flip-vertical help json keep label-smoothing learning-rate least-steps model momentum noise norm-images"
    " optimizer out patience pooling precision preset resume rotation scale scaling seed shear shift stroke"
    " temperature validation vector-rate version warmup weight-decay width".split(" ")
)
"""What `inkdigits train` takes: a change here is a change for users."""

QUICK = ["--model", "article", "--epochs", "2", "--batch", "32", "--precision", "fp32", "--validation", "0.2"]


INKDIGITS = str(Path(sys.executable).with_name("inkdigits"))


def inkdigits(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command as a user starts it, in a process of its own."""
    command = [INKDIGITS, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.fixture(scope="session")
def a_run(some_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a quick training on `some_digits`."""
    out = tmp_path_factory.mktemp("runs") / "first"
    done = inkdigits("train", some_digits, "--out", out, *QUICK)
    assert done.returncode == 0, done.stderr
    assert "The first ten test images:" in done.stdout
    assert str(out) in done.stdout
    return out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, contextlib, io\n"
        "from inkdigits import cli\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    cli.main(['train', '--help'])\n"
        "print([m for m in ('torch', 'numpy', 'matplotlib', 'optuna', 'cv2', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_train_takes_these_flags_and_no_others() -> None:
    shown = inkdigits("train", "--help").stdout
    assert set(re.findall(r"(?<=\s)--(?!no-)([a-z-]+)", shown)) | {"help", "version"} == TRAIN_FLAGS


def test_every_training_option_is_a_flag() -> None:
    names = {name.replace("_", "-") for name in learning.flat(learning.TrainOptions())}
    assert names <= TRAIN_FLAGS


def test_a_run_directory_holds_what_is_promised(a_run: Path) -> None:
    names = {path.name for path in a_run.iterdir()}
    pictures = {"curves.png", "confusion.png", "first_predictions.png"}
    models = {"model.safetensors", "last.safetensors", "best.safetensors"}
    assert names == {"run.json", "history.csv", *models, *pictures}
    about = json.loads((a_run / "run.json").read_text())
    assert about["finished"]
    assert about["arguments"]["model"] == "article"
    assert set(about["data"]) == {"training", "test"}
    assert about["versions"]["torch"]
    assert about["evaluation"]["n"] == 100


def test_evaluate_prints_the_json_that_the_design_promises(a_run: Path, some_digits: Path) -> None:
    done = inkdigits("evaluate", a_run, some_digits, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    wanted = "n accuracy accuracy_interval macro_precision macro_recall macro_f1 per_class confusion nll ece"
    assert set(figures) == {*wanted.split(), "brier", "auroc", "images_per_second"}
    assert figures["accuracy"] > 0.5
    assert figures["n"] == 100
    assert "images that it was not shown" in done.stderr


def test_all_images_are_judged_where_that_is_asked_for(a_run: Path, some_digits: Path) -> None:
    done = inkdigits("evaluate", a_run, some_digits, "--split", "all", "--json")
    assert json.loads(done.stdout)["n"] == 600


def test_a_set_that_was_changed_since_is_judged_with_a_word_of_it(
    a_run: Path, some_digits: Path, tmp_path: Path
) -> None:
    changed = tmp_path / some_digits.name
    with np.load(some_digits) as whole:
        np.savez(changed, images=whole["images"][:-1], labels=whole["labels"][:-1])
    elsewhere = inkdigits("evaluate", a_run, changed, "--json")
    assert (json.loads(elsewhere.stdout)["n"], elsewhere.stderr) == (599, "")
    before = some_digits.read_bytes()
    some_digits.write_bytes(changed.read_bytes())
    try:
        done = inkdigits("evaluate", a_run, some_digits, "--json")
    finally:
        some_digits.write_bytes(before)
    assert json.loads(done.stdout)["n"] == 599
    assert "from other images than are there now" in done.stderr


def test_a_console_without_blocks_gets_every_figure_and_picture(some_digits: Path, tmp_path: Path) -> None:
    command = [INKDIGITS, "train", str(some_digits), "--out", str(tmp_path / "run"), *QUICK]
    poor = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, capture_output=True, check=False, env=poor)
    assert done.returncode == 0, done.stderr
    assert b"The first ten test images:" in done.stdout
    assert (tmp_path / "run" / "confusion.png").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_finds_no_room_is_a_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [INKDIGITS, "data", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "inkdigits: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_ctrl_c_is_a_word_and_a_status(tmp_path: Path) -> None:
    fifo = tmp_path / "digits.csv"
    os.mkfifo(fifo)  # whoever reads it waits for as long as nobody writes
    going = subprocess.Popen([INKDIGITS, "data", "info", str(fifo)], stderr=subprocess.PIPE, text=True)
    with going, fifo.open("w"):  # opens when the other side does
        going.send_signal(signal.SIGINT)
        said = going.communicate(timeout=60)[1]
    assert (going.returncode, said) == (130, "inkdigits: interrupted\n")


def test_a_model_against_itself_is_no_better(a_run: Path, some_digits: Path) -> None:
    done = inkdigits("evaluate", a_run, some_digits, "--against", a_run / "model.safetensors", "--json")
    comparison = json.loads(done.stdout)["comparison"]
    assert comparison["difference"] == 0
    assert comparison["p_value"] == 1


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["train"], 2, "DATA"),
        (["train", "mnist", "--epocs", "3"], 2, "--epocs"),
        (["train", "mnist", "--model", "vit"], 2, "vit"),
        (["train", "mnist", "--epochs", "-1"], 2, "epochs is -1"),
        (["train", "mnist", "--preset", "perfect"], 2, "unknown preset 'perfect'; one of: "),
        (["train", "mnist", "--seed", "1.5"], 2, "'1.5' is no whole number"),
        (["train", "no/such/folder"], 2, "no/such/folder"),
        (["train", "mnist", "--out", "x" * 300], 1, "File name too long"),
        (["evaluate", "x" * 300, "mnist"], 1, "x: File name too long"),
        (["data", "fetch", "nosuch"], 2, "unknown data set 'nosuch'"),
        (["data", "info", "mnist", "--picture", "sheet.jpg"], 2, "it should end in .png"),
        (["train", "mnist", "--resume"], 2, "--out"),
        (["train", "mnist", "--resume", "--out", "no/such/run"], 1, "no/such/run holds no run"),
        (["evaluate", "no/such/model", "mnist"], 1, "there is no model at no/such/model"),
        (["paint"], 2, "paint"),
    ],
)
def test_a_mistake_is_one_sentence_a_status_and_nothing_else(
    arguments: list[str], status: int, sentence: str, tmp_path: Path
) -> None:
    done = inkdigits(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert sentence in done.stderr
    assert done.stderr.startswith("inkdigits: ")
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.glob("runs-out/*")) == []


def test_a_directory_that_holds_a_run_is_left_alone(a_run: Path, some_digits: Path) -> None:
    before = (a_run / "model.safetensors").read_bytes()
    done = inkdigits("train", some_digits, "--out", a_run, *QUICK)
    assert done.returncode == 1
    assert "already holds a run" in done.stderr
    assert (a_run / "model.safetensors").read_bytes() == before


def test_a_resumed_run_that_is_contradicted_says_how(a_run: Path, some_digits: Path) -> None:
    done = inkdigits("train", some_digits, "--out", a_run, "--resume", "--epochs", "9")
    assert done.returncode == 2
    assert "was begun with epochs 2.0, not 9.0" in done.stderr


def test_a_run_whose_arguments_are_damaged_is_refused(tmp_path: Path) -> None:
    arguments = {"data": "mnist", "epochs": "abc"}
    (tmp_path / "run.json").write_text(json.dumps({"arguments": arguments, "data": {}}))
    done = inkdigits("train", "mnist", "--out", tmp_path, "--resume")
    assert done.returncode == 1
    assert "holds no run to resume: its arguments are damaged" in done.stderr


def test_flips_on_digits_warn_on_standard_error(some_digits: Path, tmp_path: Path) -> None:
    done = inkdigits("train", some_digits, "--out", tmp_path / "run", *QUICK, "--flip-horizontal")
    assert done.returncode == 0
    assert "a mirrored 2 is no 2" in done.stderr


def test_main_leaves_with_the_status_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["data", "list"])
    assert left.value.code == 0
    assert "mnist" in capsys.readouterr().out


def test_a_reader_that_stops_early_sees_no_traceback() -> None:
    command = f"{Path(sys.executable).with_name('inkdigits')} data list | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)  # noqa: S607
    assert done.stdout.startswith("mnist")
    assert done.stderr == ""
