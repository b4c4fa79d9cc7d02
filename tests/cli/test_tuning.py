import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.cli.here import run

from inkdigits import cli
from inkdigits.cli import flags, output
from inkdigits.cli.status import INTERRUPTED

QUICK = ["--model", "mlp", "--width", "0.25", "--batch", "32", "--precision", "fp32", "--epochs", "0.5"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As many here as in processes started here: sums, and so accuracies, depend on it."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def tune(source: object, out: Path, *arguments: object) -> list[str]:
    return ["tune", str(source), "--out", str(out), *QUICK, *map(str, arguments)]


def interrupted(arguments: list[str], *, after: str, by: signal.Signals) -> tuple[int, str]:
    """The status and standard error of a command that got a signal once a line of that text was there."""
    command = [str(Path(sys.executable).with_name("inkdigits")), *arguments]
    said = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if after in line:
                process.send_signal(by)
        status = process.wait()
    return status, "".join(said)


def test_the_command_that_a_search_ends_in_can_be_typed(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tune(some_digits, tmp_path / "out", "--trials", 2, "--no-flip-vertical")) == 0
    said = capsys.readouterr()
    assert "trial 2 of 2: " in said.err
    assert "best validation accuracy: " in said.out
    found = json.loads((tmp_path / "out" / "search.json").read_text())["options"]
    typed = next(line.strip() for line in said.out.splitlines() if line.startswith("  inkdigits train"))
    _, bound, _ = cli.app.parse_args(shlex.split(typed)[1:])
    given = {name: v for name, v in vars(bound.arguments["options"]).items() if v is not None}
    fixed = {"model": "mlp", "width": 0.25, "batch": 32, "precision": "fp32", "epochs": 0.5}
    assert given == {**fixed, "flip_vertical": False, **found}


def test_a_command_that_needs_a_validation_split_asks_for_it(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tune(some_digits, tmp_path / "out", "--trials", 1, "--keep", "best")) == 0
    assert re.search("inkdigits train .* --validation 0.1 .*--keep best", capsys.readouterr().out)


def test_json_is_what_the_search_wrote_down(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tune(some_digits, tmp_path / "out", "--trials", 1, "--json")) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "out" / "search.json").read_text())


def test_a_search_killed_in_the_middle_goes_on_to_the_same_end(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = tune(some_digits, tmp_path / "killed", "--trials", 5)
    status, said = interrupted(killed, after="trial 2 of 5", by=signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert "trial 5 of 5" not in said
    assert run(killed) == 0
    assert "trial 1 of 5" not in capsys.readouterr().err
    assert run(tune(some_digits, tmp_path / "whole", "--trials", 5)) == 0
    ends = [json.loads((tmp_path / name / "search.json").read_text()) for name in ("killed", "whole")]
    assert ends[0] == ends[1]


def test_control_c_says_how_to_go_on(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = tune(some_digits, tmp_path / "out", "--trials", 200, "--preset", "fast")
    status, said = interrupted(stopped, after="trial 1 of 200", by=signal.SIGINT)
    assert status == INTERRUPTED
    assert "Traceback" not in said
    found = re.search("what is through is kept; go on with: (inkdigits .*)", said)
    assert found
    words = shlex.split(found[1])
    assert sorted(words[1:]) == sorted(stopped)
    words[words.index("200")] = "2"
    assert run(words[1:]) == 0
    assert "trial 1 of" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["no/such/folder"], 2, "there is no data set 'no/such/folder'"),
        (["mnist", "--trials", "0"], 2, "trials is 0, but has to be at least 1"),
        (["mnist", "--validation", "0"], 2, "a search needs a validation split"),
        (["mnist", "--preset", "perfect"], 2, "unknown preset 'perfect'"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], status: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tune", *arguments]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err.splitlines()[-1]


def test_an_out_that_is_a_file_is_one_sentence(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file")
    assert run(tune(some_digits, tmp_path / "out")) == 1
    assert f"cannot write in {tmp_path / 'out'}: " in capsys.readouterr().err


def test_flags_are_options_as_they_are_typed() -> None:
    values = {"preset": None, "learning_rate": 1e-05, "flip_vertical": False, "flip_horizontal": True}
    assert flags.words(values) == ["--learning-rate", "1e-05", "--no-flip-vertical", "--flip-horizontal"]
    assert output.command(["train", "my digits"]) == "inkdigits train 'my digits'"
