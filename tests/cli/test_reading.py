"""`inkdigits read` on many files: tables, several processes, a batch that was stopped, annotated pictures."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from PIL import Image

from inkdigits import cli, data, image, weights
from inkdigits.cli import reading
from inkdigits.cli.journal import Journal
from inkdigits.read import batch
from inkdigits.read.batch import Job, Part
from inkdigits.read.reader import Order
from inkdigits.types import Gray, Page


def photo_of(digit: Gray) -> Gray:
    """The digit, four times its size, in dark ink on paper."""
    large = cv2.resize(digit, (112, 112), interpolation=cv2.INTER_CUBIC).astype(float) / 255
    return np.clip(np.full((140, 140), 220.0) * (1 - 0.75 * np.pad(large, 14)), 0, 255).astype(np.uint8)


@pytest.fixture
def photos(data_folder: Path, tmp_path: Path) -> Path:
    """A folder of three digits (7, 2, 1), a torn file, and a PDF whose pages show 0 and 4."""
    folder = tmp_path / "photos"
    folder.mkdir()
    drawn = [Image.fromarray(photo_of(picture)) for picture in data.load("mnist", "test").images[:5]]
    for number, picture in enumerate(drawn[:3]):
        picture.save(folder / f"{number}.png")
    (folder / "3-torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    drawn[3].save(folder / "4.pdf", save_all=True, append_images=drawn[4:], resolution=72)
    return folder


def run(*arguments: str, kind: str = "digit") -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("inkdigits")
    return subprocess.run(
        [program, "read", "--as", kind, *arguments], capture_output=True, text=True, check=False
    )


def texts(documents: list[dict[str, object]]) -> list[list[str]]:
    return [
        [line["text"] for page in document["pages"] for line in page["lines"]]  # type: ignore[attr-defined]
        for document in documents
    ]


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
    assert tuple(rows[0]) == reading.COLUMNS
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


def test_results_go_into_a_file(photos: Path, tmp_path: Path) -> None:
    for name in ("found.json", "found.csv"):
        out = tmp_path / "results" / name
        assert run(str(photos), "--out", str(out)).stdout == ""
        assert [path.name for path in out.parent.iterdir() if "unfinished" in path.name] == []
    assert texts(json.loads((tmp_path / "results" / "found.json").read_text())) == [
        ["7"],
        ["2"],
        ["1"],
        [],
        ["0", "4"],
    ]
    assert (tmp_path / "results" / "found.csv").read_text() == run(str(photos), "--csv").stdout


def test_a_killed_batch_goes_on_where_it_stopped(photos: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number:03}.png").write_bytes((photos / f"{number % 3}.png").read_bytes())
    out = tmp_path / "found.json"
    program = Path(sys.executable).with_name("inkdigits")
    model = tmp_path / "model.onnx"
    model.write_bytes(weights.content("reader"))
    asked = [str(many), "--out", str(out), "--model", str(model)]
    begun = subprocess.Popen([program, "read", "--as", "digit", *asked])
    journal = tmp_path / "found.json.unfinished"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (journal.exists() and journal.read_bytes().count(b"\n") > 20):
        time.sleep(0.02)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    had = journal.read_bytes().count(b"\n")
    assert 20 < had < 300
    first = journal.read_text().splitlines()[1]
    journal.write_text(journal.read_text().replace('"text": "7"', '"text": "77"') + '{"file": "torn')
    assert "holds what a stopped batch had read: give --resume" in run(*asked).stderr
    assert "was begun otherwise" in run(*asked, "--resume", "--max-error", "0.01").stderr
    changed = onnx.load_model_from_string(model.read_bytes())
    changed.doc_string = "another"
    model.write_bytes(changed.SerializeToString())
    assert "was begun otherwise" in run(*asked, "--resume").stderr
    model.write_bytes(weights.content("reader"))
    changed_file = many / "000.png"
    changed_file.write_bytes((photos / "2.png").read_bytes())
    assert run(*asked, "--resume").returncode == 0
    documents = json.loads(out.read_text())
    assert [Path(document["file"]).name for document in documents] == [f"{n:03}.png" for n in range(300)]
    assert json.loads(first)["file"] == documents[0]["file"]
    assert texts(documents[:1]) == [["1"]]  # a file that was changed is read again
    assert texts(documents[3:4]) == [["77"]]  # and no other that was read already
    assert list(documents[0]) == list(documents[299])
    assert texts(documents[-3:]) == [["7"], ["2"], ["1"]]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no groups of processes to interrupt")
def test_an_interrupt_ends_workers_in_the_middle_of_a_file(tmp_path: Path) -> None:
    drawn = np.full((1600, 1200), 230, np.uint8)
    for row in range(12):
        cv2.putText(drawn, "3141592653", (60, 120 + 120 * row), cv2.FONT_HERSHEY_SIMPLEX, 3, 40, 8)
    page = Image.fromarray(drawn)
    for name in ("a", "b", "c"):
        page.save(tmp_path / f"{name}.tif", save_all=True, append_images=[page] * 99, compression="tiff_lzw")
    program = Path(sys.executable).with_name("inkdigits")
    going = subprocess.Popen(
        [program, "read", str(tmp_path), "--workers", "2"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    with pytest.raises(subprocess.TimeoutExpired):
        going.wait(6)
    os.killpg(going.pid, signal.SIGINT)
    said = going.communicate(timeout=10)[1]
    assert (going.returncode, "Traceback" in said) == (130, False)


@pytest.fixture
def long_tiff(photos: Path, tmp_path: Path) -> Path:
    """A TIFF of 21 pages, which say 7, 2, 1, 7, 2, 1 …"""
    pages = [Image.open(photos / f"{number % 3}.png") for number in range(21)]
    path = tmp_path / "long.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def test_a_long_file_is_read_in_parts_by_several_processes(long_tiff: Path, tmp_path: Path) -> None:
    whole = run(str(long_tiff), "--json")
    drawn = tmp_path / "drawn"
    parts = run(str(long_tiff), "--json", "--workers", "2", "--annotate", str(drawn))
    assert json.loads(parts.stdout) == json.loads(whole.stdout)
    (document,) = json.loads(parts.stdout)
    assert [page["lines"][0]["text"] for page in document["pages"]] == list("721") * 7
    assert len(list(drawn.iterdir())) == 21


def test_a_long_file_goes_on_in_its_middle(long_tiff: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    assert run(str(long_tiff), "--out", str(out)).returncode == 0
    expected = json.loads(out.read_text())
    job = Job(order=Order(kind="digit"))
    journal = Journal(out, reading._described(job))
    (entry,) = expected
    first = {**entry, "pages": entry["pages"][:8], "first_page": 0, "version": reading._version(long_tiff)}
    first["pages"][0]["lines"][0]["text"] = "77"
    with journal.writing([first]):
        pass
    assert run(str(long_tiff), "--out", str(out), "--resume").returncode == 0
    (found,) = json.loads(out.read_text())
    assert found["pages"][0]["lines"][0]["text"] == "77"  # what was read already isn't read again
    assert found["pages"][8:] == entry["pages"][8:]


def test_a_part_of_a_file_that_cant_be_read_is_a_page_with_the_reason() -> None:
    parts = [
        Part(path=Path("a.pdf"), first=first, end=end, n=20) for first, end in ((0, 8), (8, 16), (16, 20))
    ]
    page = asdict(Page(lines=()))
    broken = {"file": "a.pdf", "error": "pages 9 to 16 of a.pdf ended the process that read it", "pages": []}
    sound = [{"file": "a.pdf", "error": None, "pages": [page] * n} for n in (8, 4)]
    (whole,) = reading._joined(parts, [sound[0], broken, sound[1]])
    assert whole["error"] is None
    assert [each["error"] for each in whole["pages"]] == [
        *[None] * 8, *[broken["error"]] * 8, *[None] * 4
    ]  # fmt: skip
    (nothing,) = reading._joined(parts, [broken] * 3)
    assert nothing["error"] == broken["error"]


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
        (["--workers", "0"], "workers is 0, but has to be 1 or more"),
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
    done = run(str(photos), "--annotate", str(photos / "0.png"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot write" in done.stderr


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


def test_a_file_that_ends_its_process_is_an_entry_among_the_others(photos: Path) -> None:
    deadly = photos / "5-deadly.png"
    deadly.write_bytes((photos / "0.png").read_bytes())
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom inkdigits.read import batch, reader\n"
        "read = reader.read\n"
        "def deadly(path, *rest, **more):\n"
        "    if 'deadly' in path.name: os._exit(9)\n"
        "    return read(path, *rest, **more)\n"
        "reader.read = deadly\n"
        "if __name__ == '__main__':\n"
        "    job = batch.Job(order=reader.Order(kind='digit'))\n"
        "    paths = sorted(Path(sys.argv[1]).iterdir())\n"
        "    for document in batch.read(batch.parts(paths), job, workers=2): print(document.error)\n"
    )
    script = photos.parent / "deadly.py"
    script.write_text(code)
    # Unmeasured, since a worker that is ended while it writes its coverage leaves a torn file.
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, str(script), str(photos)], capture_output=True, text=True, check=True, env=unmeasured
    )
    errors = done.stdout.splitlines()
    assert len(errors) == 6
    assert [error == "None" for error in errors] == [True, True, True, False, True, False]
    assert errors[5] == f"{deadly} ended the process that read it"


def test_an_empty_list_of_allowed_numbers_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(SystemExit):
        cli.main(["read", str(tmp_path), "--as", "number", "--allowed", str(tmp_path / "list.txt")])
    assert "is empty; it should hold a number a line" in capsys.readouterr().err
