"""`inkdigits explain`: pictures, rows of a set, models of every kind, and what is said of the rest."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli import here

from inkdigits.learn import checkpoint

ALL = ["occlusion", "integrated gradients", "Grad-CAM"]
QUICK = ["--width", "0.25", "--epochs", "2", "--batch", "50", "--precision", "fp32", "--device", "cpu"]


def run(*arguments: object) -> int:
    return here.run(arguments)


@pytest.fixture(scope="module")
def exported(model: Path) -> Path:
    out = model.parent / "model.onnx"
    assert run("export", model, "--out", out) == 0
    return out


def test_pictures_and_rows_of_a_set_are_explained_in_every_way(
    model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "why.png"
    capsys.readouterr()
    assert run("explain", model, photos / "0.png", "mnist:1", "--out", out, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["file"] == str(out)
    first, second = found["images"]
    assert (first["image"], first["truth"]) == (str(photos / "0.png"), None)
    assert (second["image"], second["truth"]) == ("mnist test 1", "2")
    for each in found["images"]:
        assert [look["method"] for look in each["looks"]] == ALL
        assert np.shape(each["looks"][0]["amounts"]) == (28, 28)
        assert sum(each["scores"].values()) == pytest.approx(1, abs=1e-5)
        assert each["scores"][each["answer"]] == each["confidence"]
        assert each["label"] == each["answer"]
        distances = [near["distance"] for near in each["neighbours"]]
        assert distances == sorted(distances)
        assert len(distances) == 5
    with Image.open(out) as picture:
        assert picture.format == "PNG"


def test_the_same_order_gives_the_same_bytes_and_lines_to_read(
    model: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [tmp_path / name for name in ("once.png", "again.png")]
    for out in pictures:
        assert run("explain", model, f"{some_digits}:0", "--method", "grad-cam", "--out", out) == 0
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    said = capsys.readouterr().out
    assert f"{some_digits} all 0: " in said
    assert "nearest training images: " in said
    assert str(pictures[1]) in said


def test_another_label_and_set_can_be_asked_for(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["explain", model, "mnist:0", "--out", tmp_path / "why.png", "--json", "--method", "occlusion"]
    found = []
    capsys.readouterr()
    for more in ([], ["--label", "3", "--data", "mnist", "--neighbours", "9"], ["--neighbours", "0"]):
        assert run(*asked, *more) == 0
        found.append(json.loads(capsys.readouterr().out)["images"][0])
    assert [each["label"] for each in found] == [found[0]["answer"], "3", found[0]["answer"]]
    assert [len(each["neighbours"]) for each in found] == [5, 9, 0]
    assert found[0]["looks"] == found[2]["looks"] != found[1]["looks"]


def test_an_exported_model_is_explained_by_occlusion_as_its_network_is(
    model: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = []
    capsys.readouterr()
    for each in (model, exported):
        assert run("explain", each, "mnist:3", "--out", tmp_path / "why.png", "--json") == 0
        shown = capsys.readouterr()
        looks.append(json.loads(shown.out)["images"][0]["looks"])
    assert "exported model: only occlusion can tell where it looks" in shown.err
    assert [look["method"] for look in looks[1]] == ALL[:1]
    np.testing.assert_allclose(looks[0][0]["amounts"], looks[1][0]["amounts"], atol=1e-4)


def test_models_that_ship_are_looked_into_beside_the_sample_that_ships(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("explain", "reader", photos / "1.png", "--out", tmp_path / "why.png", "--json") == 0
    found = json.loads(capsys.readouterr().out)["images"][0]
    assert found["answer"] == "2"
    assert {near["label"] for near in found["neighbours"]} == {"2"}
    assert [look["method"] for look in found["looks"]] == ALL


def test_a_network_without_convolutions_is_explained_without_their_maps(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", some_digits, *QUICK, "--model", "mlp", "--out", tmp_path / "run") == 0
    capsys.readouterr()
    asked = ["explain", tmp_path / "run", "mnist:3", "--out", tmp_path / "why.png"]
    assert run(*asked, "--json") == 0
    looks = json.loads(capsys.readouterr().out)["images"][0]["looks"]
    assert [look["method"] for look in looks] == ALL[:2]
    assert run(*asked, "--method", "grad-cam") == 1
    assert "the network has no convolutions, which Grad-CAM shows" in capsys.readouterr().err


def without_torch(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command where PyTorch can't be imported."""
    listed = [str(argument) for argument in arguments]
    code = f"import sys\nsys.modules['torch'] = None\nfrom inkdigits import cli\ncli.main({listed!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_occlusion_does_without_pytorch(exported: Path, photos: Path, tmp_path: Path) -> None:
    for model in ("reader", exported):
        out = tmp_path / "why.png"
        done = without_torch("explain", model, photos / "0.png", "--method", "occlusion", "--out", out)
        assert done.returncode == 0, done.stderr
        assert out.exists()
        out.unlink()
    done = without_torch("explain", "reader", photos / "0.png", "--out", tmp_path / "why.png")
    assert done.returncode == 1
    assert "needs pip install 'inkdigits[learn]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_where_the_training_images_are_gone_the_rest_is_drawn_and_a_word_said(
    model: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["explain", model, "mnist:3", "--method", "occlusion", "--out", tmp_path / "why.png"]
    moved = some_digits.rename(some_digits.with_suffix(".moved"))
    try:
        assert run(*asked) == 0
        assert "no nearest training images are shown: " in capsys.readouterr().err
        assert run(*asked, "--neighbours", "3") == 1
        assert "which isn't at hand" in capsys.readouterr().err
    finally:
        moved.rename(some_digits)


@pytest.mark.parametrize("method", ["all", "occlusion"])
def test_a_model_whose_training_diverged_is_a_sentence(
    method: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors, about = checkpoint.unpack(model / "model.safetensors")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not name.startswith("scaling"):
            tensor.fill_(math.nan)
    (tmp_path / "nan.safetensors").write_bytes(checkpoint.pack(tensors, about))
    out = tmp_path / "a.png"
    asked = ("mnist:1", "--out", str(out), "--method", method, "--neighbours", "0")
    assert run("explain", str(tmp_path / "nan.safetensors"), *asked) == 1
    assert "its training may have diverged" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["reader", "no/such.png", "--out", "a.png"], 1, "no/such.png"),
        (["reader", "blank.png", "--out", "a.png"], 1, "blank.png shows no digit to explain"),
        (["reader", "mnist:10000", "--out", "a.png"], 1, "mnist has no row 10000: test has 10,000"),
        (["reader", "nosuch:1", "--out", "a.png"], 2, "there is no data set 'nosuch'"),
        (["reader", "mnist:1", "--out", "a.jpg"], 2, "a.jpg is no name for the picture"),
        (["reader", "mnist:1", "--out", "a.png", "--label", "x"], 1, "reader knows no label 'x'"),
        (["reader", "mnist:1", "--out", "a.png", "--neighbours", "51"], 2, "neighbours is 51"),
        (["reader", "mnist:1", "--out", "a.png", "--method", "lime"], 2, "lime"),
        (["reader", *(["mnist:1"] * 101), "--out", "a.png"], 2, "101 images are too many"),
        (["number", "mnist:1", "--out", "a.png"], 1, "number reads lines of digits"),
        (["no/model", "mnist:1", "--out", "a.png"], 1, "there is no model at no/model"),
        (["reader", "--out", "a.png"], 2, "IMAGES"),
        (["reader", "mnist:1"], 2, "--out"),
        (["ONNX", "mnist:1", "--out", "a.png", "--method", "grad-cam"], 1, "has no gradients for grad-cam"),
        (["ONNX", "mnist:1", "--out", "a.png", "--neighbours", "1"], 1, "tells no features"),
        (["ONNX", "mnist:1", "--out", "a.png", "--data", "mnist"], 1, "tells no features"),
        (["no/model", "mnist:1", "--out", "blank.png/a.png"], 1, "cannot write blank.png/a.png"),
    ],
)
def test_a_mistake_is_one_sentence_a_status_and_no_picture(
    arguments: list[str],
    status: int,
    sentence: str,
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (60, 60), 255).save("blank.png")
    named = [str(exported) if argument == "ONNX" else argument for argument in arguments]
    assert run("explain", *named) == status
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.startswith("inkdigits: ")
    assert (len(said.err.splitlines()), said.out) == (1, "")
    assert [path.name for path in tmp_path.iterdir()] == ["blank.png"]
