"""`inkdigits card`: figures, commands that make the model again, code that runs, and pushes that are sent."""

import json
import math
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from PIL import Image
from tests.cli.here import run

from inkdigits import cli, data, weights
from inkdigits.card import Card
from inkdigits.cli import flags, judging, reproducing
from inkdigits.evaluate import origins
from inkdigits.learn import models
from inkdigits.learn import options as learning
from inkdigits.learn.options import TrainOptions

NEW = ["--push", "me/digits"]


def about(text: str) -> dict[str, Any]:
    """The front matter of a card, as the hub's own library reads it."""
    found: dict[str, Any] = ModelCard(text).data.to_dict()  # type: ignore[no-untyped-call]
    return found


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code of a card in a language."""
    return [part.partition("```")[0].strip() for part in text.split(f"```{language}\n")[1:]]


def words(command: str) -> list[str]:
    """A command as a shell splits it, the name of the program left out."""
    return shlex.split(command.replace("\\\n", " "))[1:]


def asked(arguments: list[str]) -> dict[str, Any]:
    """What the command line itself makes of arguments, by name."""
    _, bound, _ = cli.app.parse_args(arguments, exit_on_error=False, print_error=False)
    return dict(bound.arguments)


def test_a_runs_card_tells_what_the_run_wrote_down(
    model: Path, some_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["card", str(model)]) == 0
    text = capsys.readouterr().out
    told = json.loads((model / "run.json").read_text())
    (result,) = about(text)["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == told["evaluation"]["accuracy"]
    assert "revision" not in result["dataset"]
    assert told["data"]["test"] in text
    assert f"Time: {told['training_seconds']:,.1f} seconds on the processor" in text
    joules = told["training_seconds"] * told["machine"]["threads"] * 10
    assert f"perhaps {joules / 3600:.2g} Wh" in text
    assert told["data"]["training"] in text
    assert some_digits.name in text
    assert str(some_digits.parent) not in text
    n_weights = sum(weight.numel() for weight in models.find(str(model)).network.parameters())
    assert f"| parameters | {n_weights:,} |" in text


def test_the_command_that_makes_it_again_is_the_one_that_made_it(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["card", str(model)]) == 0
    command = words(blocks(capsys.readouterr().out, "sh")[0])
    told = asked(command)
    options = learning.recipe(told["preset"], flags.given(told.get("options", flags.Training())))
    recorded = json.loads((model / "run.json").read_text())["arguments"]
    assert learning.flat(options) == {name: value for name, value in recorded.items() if name != "data"}
    assert command[0] == "train"
    assert told["data"] == Path(recorded["data"]).name


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"epochs": 2.5},
        {"seed": 7, "flip_vertical": True, "optimizer": "adam"},
        {"label_smoothing": 0.05, "temperature": 0.445},
    ],
)
@pytest.mark.parametrize("name", learning.PRESETS)
def test_any_recipe_comes_back_from_its_command(name: str, changed: dict[str, Any]) -> None:
    options = learning.change(learning.preset(name), changed)
    command = reproducing.train("some data", options)
    told = asked(command)
    assert learning.recipe(told["preset"], flags.given(told.get("options", flags.Training()))) == options
    if not changed:
        assert command == ["train", "some data", "--preset", name]


def test_options_of_no_preset_come_back_too() -> None:
    told = asked(reproducing.train("data", TrainOptions()))
    assert (
        learning.recipe(told["preset"], flags.given(told.get("options", flags.Training()))) == TrainOptions()
    )


def test_a_finetuned_model_tells_both_runs(
    model: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned"
    made = ["finetune", str(model), str(some_digits), "--labels", "extend", "--shots", "20", "--force"]
    small = ["--least-steps", "10", "--precision", "fp32", "--device", "cpu", "--stage-rate", "0.7"]
    assert run([*made, *small, "--out", str(out)]) == 0
    capsys.readouterr()
    assert run(["card", str(out / "model.safetensors")]) == 0
    first, second = blocks(capsys.readouterr().out, "sh")[0].split("\ninkdigits finetune")
    assert words(first)[0] == "train"
    told = asked(words(f"inkdigits finetune{second}"))
    recorded = json.loads((out / "run.json").read_text())["arguments"]
    given = flags.given(told.get("options", flags.Training()))
    network = set(learning.flat(TrainOptions())) - set(vars(flags.Finetuning()))
    assert {name: recorded[name] for name in given} == given
    own = {"start", "data", "weights", "old", "labels", "shots", "force"}
    assert set(recorded) - own - network == set(given)
    for name in ("labels", "shots", "force"):
        assert told[name] == recorded[name]
    assert (told["model"], told["data"]) == (model.name, some_digits.name)


def test_a_file_away_from_its_run_knows_no_time(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["card", str(model)]) == 0
    of_run = capsys.readouterr().out
    copied = tmp_path / "copied.safetensors"
    shutil.copy(model / "model.safetensors", copied)
    assert run(["card", str(copied)]) == 0
    of_file = capsys.readouterr().out
    assert "Time: not recorded." in of_file
    assert blocks(of_file, "sh")[0] == blocks(of_run, "sh")[0]
    beside_another = tmp_path / "run.json"
    beside_another.write_text((model / "run.json").read_text().replace('"training": "', '"training": "0'))
    assert run(["card", str(copied)]) == 0
    assert capsys.readouterr().out == of_file


def test_figures_from_a_file_are_told_as_they_are(
    model: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", str(model), str(some_digits), "--json"]) == 0
    figures = tmp_path / "figures.json"
    figures.write_text(capsys.readouterr().out)
    told = json.loads(figures.read_text())
    for more in (["--data", str(some_digits)], []):
        assert run(["card", str(model), "--evaluation", str(figures), *more]) == 0
        text = capsys.readouterr().out
        assert f"| log-loss | {told['nll']:.4f} |" in text
        read = about(text)
        assert ("model-index" in read) == bool(more)
        if more:
            assert read["model-index"][0]["results"][0]["metrics"][0]["value"] == told["accuracy"]
    assert run(["card", str(model), "--evaluation", str(figures), "--data", "mnist"]) == 1
    assert "tells of 100 images, which aren't the 10,000 of mnist (test)" in capsys.readouterr().err
    assert run(["card", "house", "--evaluation", str(figures)]) == 1
    assert "tells of a model with the labels 0, 1, 2" in capsys.readouterr().err
    row = told["confusion"][0]
    for wrong in (
        {"accuracy": 1},
        told | {"n": math.inf},
        told | {"ece": math.nan},
        told | {"accuracy": 3.5},
        told | {"confusion": [[row[0] + 1, *row[1:]], *told["confusion"][1:]]},
    ):
        figures.write_text(json.dumps(wrong))
        assert run(["card", str(model), "--evaluation", str(figures)]) == 1
        assert "holds no figures as `inkdigits evaluate --json` prints them" in capsys.readouterr().err


def test_what_is_measured_for_the_card_is_what_evaluate_says(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "house", str(some_digits), "--json"]) == 0
    accuracy = json.loads(capsys.readouterr().out)["accuracy"]
    out = tmp_path / "deep" / "README.md"
    assert run(["card", "house", "--data", str(some_digits), "--robustness", "--out", str(out)]) == 0
    assert capsys.readouterr().out == ""
    read = about(out.read_text())
    assert read["license"] == "apache-2.0"
    assert read["model-index"][0]["results"][0]["metrics"][0]["value"] == accuracy
    text = out.read_text()
    assert "glass blur (" in text
    assert "| 0.50 % | 0.9801 |" in text
    assert len(text.encode()) <= 10_000


def test_the_lines_of_python_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(weights.FOLDER / "house.onnx", tmp_path)
    for model in ("house", "reader"):
        assert run(["card", model]) == 0
        (code,) = blocks(capsys.readouterr().out, "python")
        done = subprocess.run(
            [sys.executable, "-c", f"{code}\nprint(scores.shape, scores.dtype)"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.returncode) == ("(1, 11) float32\n", 0), done.stderr


def test_where_the_card_cannot_be_written_nothing_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(judging, "judged", None)
    (tmp_path / "blocked").touch()
    assert run(["card", "house", "--data", "mnist", "--out", tmp_path / "blocked" / "card.md"]) == 1
    assert f"cannot write {tmp_path / 'blocked' / 'card.md'}" in capsys.readouterr().err


def test_a_checkpoint_is_not_told_the_figures_of_the_model_beside_it(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = model / "last.safetensors"
    shutil.copy(model / "model.safetensors", beside)
    try:
        assert run(["card", str(beside)]) == 0
    finally:
        beside.unlink()
    text = capsys.readouterr().out
    assert "model-index" not in about(text)
    assert "seconds on the processor" in text


def test_an_own_folder_is_not_taken_for_the_known_set_of_its_name(
    model: Path,
    some_digits: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = data.load(str(some_digits), "all")
    for row, (picture, label) in enumerate(zip(shown.images, shown.labels, strict=True)):
        folder = Path("mnist", str(label))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{row}.png")
    assert run(["card", str(model), "--data", "./mnist"]) == 0
    text = capsys.readouterr().out
    assert about(text)["model-index"][0]["results"][0]["dataset"]["type"] == "mnist"
    assert "It learnt from no image of that set." in text


def test_a_set_that_forbids_it_is_not_hidden_by_a_folder_of_its_name() -> None:
    earlier = {"model": "m", "provenance": {"data": "usps"}}
    card = Card(network={}, label_names=("0",), provenance={"data": "/srv/me/usps", "start": earlier})
    found = origins.origins(card)
    assert [(each.name, each.may_be_given_away) for each in found] == [("usps", False), ("usps", None)]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--revision", "5" * 40], "--revision is about a repository"),
        (["--private"], "--private is about a repository"),
        (["--robustness"], "--robustness is measured on a set"),
        (["--licence", "my own"], "'my own' is no licence as the hub writes them"),
        (["--watts", "0"], "watts is 0, but has to be more than 0"),
        (["--push", "digits"], "'digits' is no repository"),
        ([*NEW, "--revision", "main"], "'main' is no commit"),
    ],
)
def test_flags_that_contradict_are_refused(
    more: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["card", "house", *more]) == 2
    assert sentence in capsys.readouterr().err
