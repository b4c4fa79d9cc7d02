"""`inkdigits export`: a file that agrees, or none."""

import json
from pathlib import Path

import pytest
from tests.cli import here

from inkdigits import weights
from inkdigits.learn import export
from inkdigits.learn.checkpoint import Model
from inkdigits.read import engine


@pytest.fixture(scope="session")
def a_run(some_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "run"
    assert (
        run("train", some_digits, "--out", out, "--model", "article", "--epochs", "2", "--batch", "32") == 0
    )
    return out


def run(*arguments: object) -> int:
    return here.run(arguments)


def test_the_file_is_written_once_it_agrees(
    a_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("export", a_run, "--out", tmp_path / "m.onnx", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["n_bytes"] == (tmp_path / "m.onnx").stat().st_size
    assert (said["n_images"], said["n_changed"]) == (100, 0)
    assert said["largest_difference"] < 1e-4
    assert engine.load(tmp_path / "m.onnx").card.label_names == tuple("0123456789")
    assert run("export", a_run, "--out", tmp_path / "m.onnx", "--data", "mnist") == 0
    assert "on 10,000 images every answer is the network's own" in capsys.readouterr().out


def test_a_graph_that_differs_is_not_written(
    a_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = export.graph

    def wrong(model: Model) -> bytes:
        weight = model.network.get_parameter("layers.0.weight").data
        before = weight.clone()
        weight.mul_(-1)
        content = honest(model)
        weight.copy_(before)
        return content

    monkeypatch.setattr(export, "graph", wrong)
    assert run("export", a_run, "--out", tmp_path / "m.onnx") == 1
    assert "of 100 answers" in capsys.readouterr().err
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(
    ("out", "status", "sentence"),
    [
        ("m.pt", 2, "should end in .onnx"),
        ("a.onnx", 2, "and be no folder"),
        ("taken/m.onnx", 1, "cannot write "),
    ],
)
def test_a_name_that_cant_be_written_is_a_sentence(
    out: str, status: int, sentence: str, a_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "a.onnx").mkdir()
    assert run("export", a_run, "--out", tmp_path / out) == status
    assert sentence in capsys.readouterr().err


def test_a_reader_of_lines_isnt_tried_on_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Path(weights.__file__).with_name("number.safetensors")
    assert run("export", lines, "--out", tmp_path / "a.onnx") == 1
    assert "reads lines; a model is tried on digit images before it is exported" in capsys.readouterr().err


def test_data_that_isnt_at_hand_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = Path(weights.__file__).with_name("reader.safetensors")
    assert run("export", reader, "--out", tmp_path / "a.onnx") == 1
    assert "which isn't at hand (there is no" in (told := capsys.readouterr().err)
    assert "name another set with --data" in told
