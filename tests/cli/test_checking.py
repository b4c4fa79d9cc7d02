"""`inkdigits data check --labels` and `data correct`, on a small set with labels known to be wrong."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.here import run

from inkdigits import data
from inkdigits.image import decode
from inkdigits.learn import cross_validation

QUICK = ["--labels", "--folds", "2", "--times", "1", "--preset", "sprint"]
WRONG = {5: 7, 60: 0, 111: 1, 250: 8, 399: 3}
"""Rows of the training split, and the labels that they are given wrongly."""


@pytest.fixture(scope="module")
def wrong(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 digits of MNIST, 200 of them for the test, five labels wrong."""
    mnist = data.load("mnist", "train")
    labels = mnist.labels[:600].copy()
    for row, label in WRONG.items():
        assert labels[row] != label
        labels[row] = label
    path = tmp_path_factory.mktemp("wrong") / "wrong.npz"
    np.savez(
        path,
        images_train=mnist.images[:400],
        labels_train=labels[:400],
        images_test=mnist.images[400:600],
        labels_test=labels[400:],
    )
    return path


@pytest.fixture(scope="module")
def table(wrong: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of a check, in a folder with its pictures."""
    folder = tmp_path_factory.mktemp("checked")
    asked = ["--picture", str(folder / "sheet.png"), "--out", str(folder / "suspects.csv"), "--most", "25"]
    assert run(["data", "check", str(wrong), *QUICK, *asked]) == 0
    return folder / "suspects.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_planted_errors_are_in_the_table_and_the_picture(table: Path) -> None:
    found = rows(table)
    names = ["split", "row", "file", "label", "suggested", "quality", "confidence", "decision"]
    assert list(found[0]) == names
    splits = [line["split"] for line in found]
    assert splits == sorted(splits)  # the test split first
    train = {int(line["row"]): line for line in found if line["split"] == "train"}
    assert len(set(train) & set(WRONG)) >= 4
    assert all(train[row]["label"] == str(WRONG[row]) for row in set(train) & set(WRONG))
    assert {line["decision"] for line in found} == {""}
    for split in ("test", "train"):
        quality = [float(line["quality"]) for line in found if line["split"] == split]
        assert quality == sorted(quality)
        assert len(quality) <= 25
    assert decode(table.with_name("sheet.png")).std() > 20


def test_without_cleanlab_no_network_is_trained(
    wrong: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    monkeypatch.setattr(cross_validation, "scores", None)
    assert run(["data", "check", wrong, *QUICK]) == 1
    assert "looking for wrong labels needs pip install 'inkdigits[learn]'" in capsys.readouterr().err


def test_decisions_are_put_into_effect_in_a_copy(
    wrong: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = data.load("mnist", "train").labels
    lines = rows(table)
    decided = [line for line in lines if line["split"] == "train" and int(line["row"]) in WRONG]
    for line in decided[1:]:
        line["decision"] = str(right[int(line["row"])])
    decided[0]["decision"] = " remove "
    with (tmp_path / "decided.csv").open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    corrected = tmp_path / "corrected.npz"
    assert run(["data", "correct", str(wrong), str(tmp_path / "decided.csv"), "--out", str(corrected)]) == 0
    assert f"{len(decided) - 1} labels decided and 1 images removed" in capsys.readouterr().out
    before, after = data.load(str(wrong), "train"), data.load(str(corrected), "train")
    removed = int(decided[0]["row"])
    assert (after.images == np.delete(before.images, removed, axis=0)).all()
    changed = np.flatnonzero(after.labels != np.delete(before.labels, removed))
    assert len(changed) == len(decided) - 1
    assert (after.labels[changed] == np.delete(right[:400], removed)[changed]).all()
    test = data.load(str(wrong), "test")
    assert (data.load(str(corrected), "test").labels == test.labels).all()
    # What was put into effect doesn't fit the set any more.
    assert (
        run(["data", "correct", str(corrected), str(tmp_path / "decided.csv"), "--out", str(corrected)]) == 1
    )
    said = capsys.readouterr().err  # one of them may be about the last row, which is gone
    assert "they are about another set" in said or "there is no row 399" in said


def test_a_folder_is_checked_with_its_writers_and_the_files_are_named(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    mnist = data.load("mnist", "train")
    lines = ["file,label,writer"]
    Path("own").mkdir()
    for row in range(120):
        Image.fromarray(mnist.images[row]).save(f"own/{row}.png")
        lines.append(f"{row}.png,{mnist.labels[row] if row != 17 else 5},{row % 6}")
    Path("own/torn.png").write_bytes(b"no picture")
    Path("own/labels.csv").write_text("\n".join([*lines, "torn.png,3,0"]))
    assert run(["data", "check", "own", *QUICK, "--json"]) == 0
    printed = capsys.readouterr()
    assert "1 broken pictures are left out" in printed.err
    told = json.loads(printed.out)
    assert told["table"] == "runs-out/own-labels-1/suspects.csv"
    (split,) = told["splits"]
    assert (split["split"], split["n"]) == ("all", 120)
    assert all(each["file"] == f"own/{each['row']}.png" for each in split["suspects"])
    assert 17 in {each["row"] for each in split["suspects"]}
    found = rows(Path(told["table"]))
    assert [int(line["row"]) for line in found] == [each["row"] for each in split["suspects"]]
    found[0]["decision"] = "3"
    with Path("decided.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    assert run(["data", "correct", "own", "decided.csv", "--out", "corrected.npz"]) == 0
    corrected = data.load("corrected.npz", "all")
    assert corrected.groups is not None
    assert corrected.groups.tolist() == [row % 6 for row in range(120)]
    assert corrected.labels[int(found[0]["row"])] == 3
    # A picture more moves the rows behind it, and not what was decided.
    Image.fromarray(mnist.images[200]).save("own/torn.png")
    meant = decode(Path(found[0]["file"]))
    assert run(["data", "correct", "own", "decided.csv", "--out", "again.npz"]) == 0
    again = data.load("again.npz", "all")
    assert len(again) == 121
    (moved,) = np.flatnonzero((again.images == meant).all(axis=(1, 2))).tolist()
    assert again.labels[moved] == 3
    as_labelled = data.load("own", "all").labels
    assert (np.delete(again.labels, moved) == np.delete(as_labelled, moved)).all()
    Path(found[0]["file"]).unlink()
    assert run(["data", "correct", "own", "decided.csv", "--out", "again.npz"]) == 1
    assert f"there is no {found[0]['file']}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["check", "mnist"], 2, "say what to check: --labels looks for wrong labels; broken files and"),
        (["check", "mnist", "--labels", "--folds", "1"], 2, "1 is no number of folds"),
        (["check", "mnist", "--labels", "--times", "0"], 2, "0 is no number of times"),
        (["check", "mnist", "--labels", "--preset", "quick"], 2, "unknown preset 'quick'; one of: sprint"),
        (["check", "mnist", "--labels", "--most", "0"], 2, "0 is no number of suspects to list"),
        (["check", "mnist", "--labels", "--picture", "a.jpg"], 2, "it should end in .png"),
        (["check", "mnist", "--labels", "--picture", "a.png", "--out", "a.png"], 2, "a.png can't be both"),
        (["check", "mnist", "--labels", "--seed", f"{2**31 - 1}"], 2, "go beyond seed 2147483647"),
        (["check", "mnist", "--labels", "--seed", f"{2**31}"], 2, "seed is 2147483648, but has to lie"),
        (["check", "absent", "--labels"], 2, "there is no data set 'absent'"),
        (["correct", "mnist", "table.csv", "--out", "mnist.csv"], 2, "it should end in .npz"),
        (["correct", "mnist", "absent.csv", "--out", "a.npz"], 1, "absent.csv can't be read (No such file"),
        (["correct", "mnist", "empty.csv", "--out", "a.npz"], 1, "empty.csv holds no decision"),
        (["correct", "mnist", "other.csv", "--out", "a.npz"], 1, "other.csv has no column decision"),
        (["correct", "mnist", "row.csv", "--out", "a.npz"], 1, "line 2 has the row '-1'; a whole number"),
        (["correct", "mnist", "long.csv", "--out", "a.npz"], 1, "a whole number was expected"),
        (["correct", "mnist", "twice.csv", "--out", "a.npz"], 1, "row 0 of test is decided twice"),
        (["check", "mnist", "--labels", "--out", "blocked/a.csv"], 1, "cannot write blocked/a.csv"),
        (["check", "mnist", "--labels", "--picture", "blocked/a.png"], 1, "cannot write blocked/a.png"),
        (["correct", "mnist", "far.csv", "--out", "a.npz"], 1, "there is no row 10000 of test"),
        (["correct", "mnist", "split.csv", "--out", "a.npz"], 1, "split.csv names the split 'all'"),
        (
            ["correct", "mnist", "label.csv", "--out", "a.npz"],
            1,
            "'x', decided for row 0 of test, is no label",
        ),
    ],
)
def test_what_can_not_be_checked_or_corrected_is_a_sentence(
    arguments: list[str],
    status: int,
    said: str,
    data_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    header = "split,row,label,decision\n"
    lines = {"empty": "test,0,7,", "row": "test,-1,7,1", "far": "test,10000,7,1"}
    lines |= {"split": "all,0,7,1", "label": "test,0,7,x", "long": f"test,{'1' * 5000},7,1"}
    lines |= {"twice": "test,0,7,1\ntest,0,7,remove"}
    Path("blocked").touch()
    for name, line in lines.items():
        Path(f"{name}.csv").write_text(header + line)
    Path("other.csv").write_text("split,row,label\ntest,0,7")
    before = sorted(tmp_path.rglob("*"))
    assert run(["data", *arguments]) == status
    assert said in capsys.readouterr().err
    assert sorted(path for path in tmp_path.rglob("*") if path.name != "runs-out") == before
