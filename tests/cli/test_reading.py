"""`inkdigits read` on many files: what is told, tables, annotated pictures."""

import csv
import io
import json
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from PIL import Image
from tests.cli.reads import run, texts

from inkdigits import cli, image, weights
from inkdigits.cli import told
from inkdigits.read import batch


def test_a_folder_with_a_pdf_and_a_torn_file_is_read_whole(photos: Path) -> None:
    done = run(str(photos), "--json")
    documents = json.loads(done.stdout)
    assert texts(documents) == [["7"], ["2"], ["1"], [], ["0", "4"]]
    assert [bool(document["error"]) for document in documents] == [False, False, False, True, False]
    sizes = [(page["width"], page["height"]) for document in documents for page in document["pages"]]
    assert sizes == 3 * [(140, 140)] + 2 * [(583, 583)]
    assert (done.returncode, done.stderr) == (1, "")


def test_several_processes_give_the_same_in_the_same_order(photos: Path) -> None:
    one, two = (run(str(photos), "--json", "--workers", n) for n in ("1", "2"))
    assert json.loads(one.stdout) == json.loads(two.stdout)


def test_as_many_processes_read_as_are_asked_for(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []

    def pool(workers: int, **settings: Any) -> ProcessPoolExecutor:
        asked.append(workers)
        return ProcessPoolExecutor(workers, **settings)

    monkeypatch.setattr(batch, "ProcessPoolExecutor", pool)
    for workers in ("1", "3"):
        with pytest.raises(SystemExit, match="1"):
            cli.main(["read", "--as", "digit", str(photos), "--workers", workers])
    assert asked == [3]
    assert capsys.readouterr().out


def test_csv_has_a_row_for_each_line_and_for_each_file_that_cant_be_read(photos: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(str(photos), "--csv").stdout)))
    assert tuple(rows[0]) == told.COLUMNS
    assert [row["text"] for row in rows] == ["7", "2", "1", "", "0", "4"]
    assert [row["page"] for row in rows] == ["1", "1", "1", "", "1", "2"]
    assert "damaged" in rows[3]["reason"]


def test_a_grids_rows_of_a_csv_name_their_cells(photos: Path, tmp_path: Path) -> None:
    table = np.full((3 * 150 + 90, 4 * 150 + 90), 220, np.uint8)
    for row in range(3):
        for column in range(4):
            cv2.rectangle(
                table, (45 + 150 * column, 45 + 150 * row), (195 + 150 * column, 195 + 150 * row), 40, 3
            )
    for row, column, name in ((0, 1, "0"), (1, 3, "1"), (2, 0, "2")):
        top, left = 50 + 150 * row, 50 + 150 * column
        table[top : top + 140, left : left + 140] = np.asarray(Image.open(photos / f"{name}.png"))
    Image.fromarray(table).save(tmp_path / "table.png")
    told = run(str(tmp_path / "table.png"), "--csv", kind="grid").stdout
    rows = list(csv.DictReader(io.StringIO(told)))
    assert [row["field"] for row in rows] == [
        f"r{row}c{column}" for row in (1, 2, 3) for column in (1, 2, 3, 4)
    ]
    read = {row["field"]: row["text"] for row in rows if row["reason"] != "blank"}
    assert read == {"r1c2": "7", "r2c4": "2", "r3c1": "1"}
    lines = run(str(tmp_path / "table.png"), kind="grid").stdout.splitlines()
    assert [line.split() for line in lines[1:]] == [list(".7.."), list("...2"), list("1...")]


def test_pages_are_drawn_with_what_was_read_on_them(photos: Path, tmp_path: Path) -> None:
    run(str(photos), "--annotate", str(tmp_path / "drawn"))
    drawn = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert [re.sub("-[0-9a-f]{6}-", "-", name) for name in drawn] == [
        "0-1.png",
        "1-1.png",
        "2-1.png",
        "4-1.png",
        "4-2.png",
    ]
    (first,) = (tmp_path / "drawn").glob("0-*-1.png")
    picture = np.asarray(Image.open(first)).astype(int)
    coloured = np.ptp(picture, axis=2) > 60
    (line,) = json.loads(run(str(photos / "0.png"), "--json").stdout)[0]["pages"][0]["lines"]
    box = line["box"]
    assert coloured[box["y"], box["x"] : box["x"] + box["width"]].mean() > 0.9
    assert np.array_equal(image.decode(photos / "0.png")[130:], picture[130:, :, 0])


def test_a_page_that_cant_be_drawn_is_said_and_loses_nothing(photos: Path, tmp_path: Path) -> None:
    asked = (str(photos / "0.png"), str(photos / "1.png"), "--annotate", str(tmp_path))
    assert run(*asked).returncode == 0
    (first,) = tmp_path.glob("0-*-1.png")
    first.unlink()
    first.mkdir()
    (first / "full").touch()
    done = run(*asked)
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--json", "--csv"], "--json and --csv are two forms of the same"),
        (["--resume"], "--resume goes on with a file: name it with --out"),
        (["--out", "found.txt"], "found.txt is no name for results; it should end in .json or .csv"),
        (["--out", "found.csv", "--csv"], "--out takes its form from the file's name"),
        (["--out", "."], ". is a folder, where a file of results was expected"),
        (["--once"], "--once gives each allowed number to one line: name them with --allowed"),
        (["--workers", "0"], "workers is 0, but has to lie between 1 and 60"),
        (["--workers", "3000000000"], "workers is 3000000000, but has to lie between 1 and 60"),
        (["--max-error", "5"], "max-error is 5, but is a share above 0 and up to 0.5"),
        (["--max-error", "0"], "max-error is 0, but is a share above 0 and up to 0.5"),
        (["--max-error", "nan"], "max-error is nan, but is a share above 0 and up to 0.5"),
        (["--length", "4"], "checks are for numbers, but --as is digit"),
    ],
)
def test_what_cant_be_meant_is_a_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["read", str(tmp_path / "a.png"), "--as", "digit", *arguments])
    assert left.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_place_where_no_picture_can_be_drawn_is_said_before_anything_is_read(photos: Path) -> None:
    done = run(str(photos), "--annotate", str(photos / "0.png" / "pages"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot write" in done.stderr
    done = run(str(photos), "--annotate", str(photos / "0.png"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "0.png is a file, where a folder for annotated pages was expected" in done.stderr


def test_pages_arent_drawn_into_the_folder_that_is_read(photos: Path) -> None:
    done = run(str(photos), "--annotate", str(photos))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{photos} is read, so that its pages can't be drawn into it" in done.stderr


def test_a_model_without_thresholds_is_said_to_accept_nothing(photos: Path, tmp_path: Path) -> None:
    bare = onnx.load_model_from_string(weights.content("reader"))
    for held in bare.metadata_props:
        if '"thresholds"' in held.value:
            held.value = json.dumps({**json.loads(held.value), "thresholds": {}})
        elif held.key == "thresholds":
            held.value = "{}"
    (tmp_path / "bare.onnx").write_bytes(bare.SerializeToString())
    done = run(str(photos / "0.png"), "--model", str(tmp_path / "bare.onnx"))
    assert "bare.onnx knows no thresholds: nothing is accepted" in done.stderr
    assert "not accepted: unsure" in done.stdout


def test_an_empty_list_of_allowed_numbers_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(SystemExit):
        cli.main(["read", str(tmp_path), "--as", "number", "--allowed", str(tmp_path / "list.txt")])
    assert "is empty; it should hold a number a line" in capsys.readouterr().err


def test_a_path_that_cant_be_looked_at_is_an_entry_among_the_others(photos: Path) -> None:
    endless = str(photos / f"{'a' * 300}.png")
    done = run(endless, str(photos / "0.png"), "--json", "--annotate", str(photos.parent / "drawn"))
    first, second = json.loads(done.stdout)
    assert "can't be read (File name too long)" in first["error"]
    assert (texts([second]), done.returncode) == ([["7"]], 1)


def test_a_link_to_nothing_in_a_folder_is_an_entry(photos: Path) -> None:
    (photos / "5.jpg").symlink_to("nowhere.jpg")
    documents = json.loads(run(str(photos), "--json").stdout)
    assert "5.jpg can't be read" in documents[-1]["error"]


@pytest.mark.skipif(sys.platform == "win32", reason="closed by a shell")
def test_without_a_terminal_or_a_place_for_output_it_still_reads(photos: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("inkdigits")
    read = f"{program} read {photos / '0.png'} --as digit"
    closed = subprocess.run(f"{read} >&-", shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert (closed.returncode, closed.stderr) == (0, "")
    closed = subprocess.run(f"{read} 2>&-", shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert (closed.returncode, closed.stdout[-3:]) == (0, " %\n")
    out = tmp_path / "found.json"
    subprocess.run(f"{read} --out {out} >&- 2>&-", shell=True, check=True)  # noqa: S602
    assert texts(json.loads(out.read_text())) == [["7"]]
