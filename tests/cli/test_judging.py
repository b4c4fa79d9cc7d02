"""`inkdigits evaluate` of models that ship and of exported ones, on whatever machine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.cli.here import run

from inkdigits.learn import adversarial, checkpoint


def test_an_exported_model_has_the_same_figures(
    model: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = tmp_path / "model.onnx"
    assert run(["export", str(model), "--out", str(exported)]) == 0
    capsys.readouterr()
    found = []
    for each in (model, exported):
        assert run(["evaluate", str(each), str(some_digits), "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    for figures in found:
        del figures["images_per_second"]
    floats = ("nll", "ece", "brier", "auroc")
    assert [found[1].pop(name) for name in floats] == pytest.approx(
        [found[0].pop(n) for n in floats], abs=1e-4
    )
    assert found[0] == found[1]
    assert run(["evaluate", str(model), str(some_digits), "--against", str(exported), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["comparison"]["difference"] == 0


def test_two_models_are_judged_on_what_neither_was_shown(
    model: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors, about = checkpoint.unpack(model / "model.safetensors")
    other = tmp_path / "other.safetensors"  # that has learnt from something else, as far as it tells
    other.write_bytes(checkpoint.pack(tensors, about | {"provenance": {}}))
    assert run(["evaluate", other, some_digits, "--json"]) == 0
    alone = capsys.readouterr()
    assert (json.loads(alone.out)["n"], alone.err) == (600, "")
    for pair in ([other, model], [model, other]):
        assert run(["evaluate", pair[0], some_digits, "--against", pair[1], "--json"]) == 0
        told = capsys.readouterr()
        found = json.loads(told.out)
        assert (found["n"], found["comparison"]["n"]) == (100, 100)
        assert "one at least has learnt from" in told.err
        assert "the 100 images that they were not shown" in told.err


def test_models_of_different_labels_are_compared_where_both_know_the_images(
    model: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for pair in ([model, "reader"], ["reader", model]):
        assert run(["evaluate", pair[0], some_digits, "--against", pair[1], "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["comparison"])
    assert found[0]["second_accuracy"] == found[1]["first_accuracy"]
    assert found[0]["only_first_right"] == found[1]["only_second_right"]
    assert found[0]["first_accuracy"] != found[0]["second_accuracy"]
    assert run(["evaluate", "reader", some_digits, "--json"]) == 0
    assert found[0]["second_accuracy"] == pytest.approx(
        json.loads(capsys.readouterr().out)["accuracy"], abs=0.03
    )
    strange = tmp_path / "strange.npz"
    with np.load(some_digits) as whole:
        names = np.array([*"012345678", "none"])
        np.savez(strange, images=whole["images"], labels=names[whole["labels"]])
    assert run(["evaluate", "house", strange, "--against", model]) == 1
    assert "strange.npz has images of 'none'; the labels of" in capsys.readouterr().err


@pytest.mark.parametrize("n", [1, 10])
def test_a_set_too_small_to_be_learnt_from_is_judged_whole(
    n: int, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few.npz"
    with np.load(some_digits) as whole:
        np.savez(few, images=whole["images"][:n], labels=whole["labels"][:n])
    assert run(["evaluate", "reader", few, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == n


def test_where_only_is_read_the_reader_can_be_judged_as_it_reads(some_digits: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"  # whoever imports it gets an ImportError
        "from inkdigits import cli\n"
        f"cli.main(['evaluate', 'reader', {str(some_digits)!r}, '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accuracy"] > 0.98


def test_a_model_of_lines_is_refused_with_a_sentence(
    some_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "number", str(some_digits)]) == 1
    assert "number reads lines of digits; single ones are what can be judged here" in capsys.readouterr().err


def test_a_report_of_a_run_holds_its_training_and_its_robustness(
    model: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "report.html"
    assert run(["evaluate", str(model), str(some_digits), "--report", str(out), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    page = out.read_text()
    for said in (f"{100 * figures['accuracy']:.2f} %", "glass blur", "EXIF turns", "How it was trained"):
        assert said in page
    assert str(model) in page


def test_what_cannot_become_a_report_is_a_sentence(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "reader", str(some_digits), "--report", str(tmp_path / "report.pdf")]) == 1
    assert "report.pdf doesn't end in .html" in capsys.readouterr().err
    blocked = tmp_path / "file"
    blocked.touch()
    (tmp_path / "folder.html").mkdir()
    for out in (blocked / "report.html", tmp_path / "folder.html"):
        assert run(["evaluate", "reader", str(some_digits), "--report", str(out)]) == 1
        told = capsys.readouterr()
        assert "cannot write" in told.err
        assert told.out == ""  # found before anything was judged
    assert run(["evaluate", "reader", str(some_digits), "--against", str(tmp_path / "absent")]) == 1
    assert "there is no model at" in capsys.readouterr().err


def test_a_report_of_what_is_no_digit_leaves_strangers_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signs = np.zeros((30, 28, 28), np.uint8)
    signs[:, 8:20, 9:19] = 255
    np.savez(tmp_path / "none.npz", images=signs, labels=np.array(["none"] * 30))
    out = tmp_path / "report.html"
    assert run(["evaluate", "reader", str(tmp_path / "none.npz"), "--report", str(out)]) == 0
    capsys.readouterr()
    assert "What is no digit" not in out.read_text()
    assert run(["evaluate", "reader", str(tmp_path / "none.npz"), "--unseen"]) == 1
    assert "holds no digits that strangers could be told from" in capsys.readouterr().err


def test_names_that_are_no_text_do_not_break_a_report(
    some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / os.fsdecode(b"m\xe9n.npz")
    try:
        shutil.copy(some_digits, odd)
    except OSError:
        pytest.skip("this file system has no such names")
    out = tmp_path / "report.html"
    assert run(["evaluate", "reader", str(odd), "--report", str(out)]) == 0
    assert "m?n" in out.read_text()


def test_a_network_of_others_is_refused_before_it_is_fetched(
    some_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for asked in (["evaluate", "resnet18", str(some_digits)], ["card", "resnet18"]):
        assert run(asked) == 1
        assert "resnet18 knows no labels yet: fine-tune it first" in capsys.readouterr().err


def test_robustness_and_attacks_are_told_in_text_and_as_json(
    model: Path,
    some_digits: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adversarial, "EPSILONS", (0.1,))
    monkeypatch.setattr(adversarial, "STEPS", 3)
    asked = ["evaluate", str(model), str(some_digits), "--robustness", "--attacks"]
    assert run([*asked, "--json", "--report", str(tmp_path / "report.html")]) == 0
    found = json.loads(capsys.readouterr().out)
    page = (tmp_path / "report.html").read_text()
    assert "Attacked images" in page
    assert "PGD-3, 10 starts" in page
    assert run(asked) == 0
    text = capsys.readouterr().out
    costs = {each["name"]: each["cost"] for each in found["robustness"]["corruptions"]}
    assert f"glass blur        {100 * (found['robustness']['accuracy'] - costs['glass blur']):6.2f} %" in text
    assert f"{0 - 100 * costs['glass blur']:+.2f} points" in text
    fgsm, pgd = found["attacks"]
    assert (fgsm["attack"], fgsm["epsilon"], fgsm["n"]) == ("FGSM", 0.1, 100)
    assert pgd["accuracy"] <= found["accuracy"]
    assert "attacked images: what is left of 100" in text


def test_an_exported_model_cannot_be_attacked(
    model: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = tmp_path / "model.onnx"
    assert run(["export", str(model), "--out", str(exported)]) == 0
    for name in (str(exported), "reader", "house"):
        assert run(["evaluate", name, str(some_digits), "--attacks"]) == 1
        assert f"{name} has no gradients to attack it by" in capsys.readouterr().err
