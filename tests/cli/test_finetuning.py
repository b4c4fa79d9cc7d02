"""`inkdigits finetune` as it is typed: the verdict, its exit status, what is refused, Ctrl-C and on."""

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.here import run

from inkdigits import data
from inkdigits.cli.status import INTERRUPTED
from inkdigits.learn import checkpoint, models
from inkdigits.read import engine, reader

SMALL = ["--least-steps", "40", "--batch", "50", "--precision", "fp32", "--device", "cpu"]


@pytest.fixture(scope="module")
def signs(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of dark signs on white: a plus and a w, 30 each, one of them blank."""
    folder = tmp_path_factory.mktemp("signs") / "signs"
    symbols = data.load("symbols", "train")
    for name in ("plus", "w"):
        (folder / f"sign {name}").mkdir(parents=True)
        rows = np.flatnonzero(symbols.labels == symbols.label_names.index(name))[:30]
        for row in rows.tolist():
            Image.fromarray(255 - symbols.images[row]).save(folder / f"sign {name}" / f"{row:05}.png")
    Image.new("L", (40, 40), 255).save(folder / "sign w" / "blank.png")
    return folder


def test_the_verdict_is_printed_and_is_the_exit_status(
    model: Path, signs: Path, some_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["finetune", str(model), str(signs), "--labels", "extend", *SMALL]
    status = run([*asked, "--out", str(tmp_path / "run")])
    told = capsys.readouterr()
    found = json.loads((tmp_path / "run" / "run.json").read_text())
    assert status == (0 if found["verdict"]["promote"] else 1)
    assert f"refused: {signs / 'sign w' / 'blank.png'}: " in told.err
    table = [line for line in told.err.splitlines() if not line.startswith("refused")]
    assert table[0].split() == ["stage", "weights", "trains"]
    assert table[1].split()[0] == "0"
    said = "Promoted: " if found["verdict"]["promote"] else "Not promoted: "
    assert said + found["verdict"]["reason"] in told.out
    assert "sign plus" in told.out
    assert run([*asked, "--force", "--json", "--out", str(tmp_path / "forced")]) == 0
    forced = json.loads(capsys.readouterr().out)
    assert forced["promote"]
    assert [Path(each["file"]).name for each in forced["refused"]] == ["blank.png"]
    assert forced["new"]["comparison"]["n"] == found["verdict"]["new"]["comparison"]["n"]
    loaded = models.find(str(tmp_path / "forced"))
    assert loaded.card.label_names == (*"0123456789", "sign plus", "sign w")
    assert run(["evaluate", str(tmp_path / "forced"), str(some_digits), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["n"] == 100
    assert "images that it was not shown" in told.err
    exported = tmp_path / "forced.onnx"
    assert run(["export", str(tmp_path / "forced"), "--out", str(exported)]) == 0
    assert engine.load(exported).card == checkpoint.complete(loaded)


def test_a_model_that_knows_more_labels_is_judged_on_a_set_with_fewer(
    some_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "house", str(some_digits), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 600
    assert found["accuracy"] > 0.98
    assert [each["label"] for each in found["per_class"]] == [*"0123456789", "none"]


def test_the_table_says_what_trains(
    model: Path, signs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--labels", "replace", "--freeze", "head-only", *SMALL, "--out", str(tmp_path / "run")]
    run(["finetune", str(model), str(signs), *asked])
    lines = capsys.readouterr().err.splitlines()
    (total,) = (line for line in lines if line.endswith("weights train"))
    n_moving, n_weights = (int(each.replace(",", "")) for each in total.split()[0:3:2])
    weights = [weight.numel() for weight in models.find(str(model)).network.parameters()]
    head = [line for line in lines if "from the start, at 100 % of the rate" in line]
    assert len(head) == 1
    assert int(head[0].split()[1].replace(",", "")) == n_moving
    assert n_moving < n_weights < sum(weights)  # the head shrinks from ten labels to two
    assert sum("no: it stays as it is" in line for line in lines) >= 2


@pytest.mark.parametrize(
    ("asked", "status", "sentence"),
    [
        (["--resume"], 2, "--resume needs the run directory to go on with"),
        (["--resume", "--out", "nosuch"], 1, "nosuch holds no run to resume"),
        (["--shots", "-1"], 2, "shots is -1, but has to be 0 (all) or more"),
        (["--labels", "other"], 2, "other"),
    ],
)
def test_what_contradicts_itself_is_one_sentence(
    asked: list[str], status: int, sentence: str, signs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["finetune", str(signs), *asked]) == status
    told = capsys.readouterr().err
    assert sentence in told
    assert len(told.splitlines()) == 1


def test_what_was_fine_tuned_goes_on_from_all_that_it_learnt(
    model: Path, some_digits: Path, signs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ["finetune", str(model), str(signs), "--labels", "extend", "--force", *SMALL]
    assert run([*first, "--out", str(tmp_path / "first")]) == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    again = ["finetune", str(tmp_path / "first"), str(signs), "--force", *SMALL]
    assert run([*again, "--out", "second"]) == 0
    found = json.loads((elsewhere / "second" / "run.json").read_text())
    assert found["arguments"]["old"] == [str(some_digits), str(signs)]
    verdict = found["verdict"]
    assert verdict["old"]["comparison"]["n"] == 100 + verdict["new"]["comparison"]["n"]
    learnt = models.find("second").card.provenance
    assert learnt["learnt"] == [str(some_digits), str(signs)]
    assert learnt["verdict"]["forced"] == verdict["forced"]


def test_the_house_model_goes_on_from_the_sample_that_ships(signs: Path, tmp_path: Path) -> None:
    quick = ["--least-steps", "2", "--labels", "extend", "--force", "--out", str(tmp_path / "run")]
    assert run(["finetune", str(signs), *quick]) == 0
    found = json.loads((tmp_path / "run" / "run.json").read_text())
    assert found["arguments"]["start"] == "house"
    assert found["arguments"]["old"] == ["house"]
    assert found["verdict"]["old"]["comparison"]["n"] > 12_000
    assert found["verdict"]["old"]["comparison"]["first_accuracy"] > 0.97


def test_ctrl_c_says_how_to_go_on(model: Path, signs: Path, tmp_path: Path) -> None:
    out = tmp_path / "my run"
    endless = [each if each != "40" else "100000" for each in SMALL]
    asked = ["finetune", str(model), str(signs), "--labels", "extend", *endless, "--out", str(out)]
    command = [str(Path(sys.executable).with_name("inkdigits")), *asked]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as started:
        assert started.stderr is not None
        while "weights train" not in started.stderr.readline():
            assert started.poll() is None
        while not (out / "run.json").exists():
            assert started.poll() is None
        started.send_signal(signal.SIGINT)
        told = started.communicate(timeout=120)[1]
    assert started.returncode == INTERRUPTED
    again = shlex.split(told.partition("go on with: ")[2])
    assert again[:4] == ["inkdigits", "finetune", str(model), str(signs)]
    assert again[-3:] == ["--out", str(out), "--resume"]
    assert again[again.index("--least-steps") + 1] == "100000"
    assert (out / "state.safetensors").exists()


def test_pictures_of_several_digits_are_found(data_folder: Path) -> None:
    mnist = data.load("mnist", "test").images[:40]
    pairs = [np.hstack([left, right])[4:24] for left, right in zip(mnist[:20], mnist[20:], strict=True)]
    two = np.array([np.asarray(Image.fromarray(pair).resize((26, 10))) for pair in pairs])
    shown = np.zeros((20, 28, 28), np.uint8)
    shown[:, 9:19, 1:27] = np.clip(two.astype(int) * 2, 0, 255)
    found = reader.several(np.concatenate([mnist[:20], shown]))
    assert not [row for row in found if row < 20]
    assert len(found) >= 10
    assert reader.several(mnist[:0]) == []
