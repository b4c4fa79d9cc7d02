"""`inkdigits read` with several processes, into a file, stopped and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from PIL import Image
from tests.cli.reads import run, texts

from inkdigits import cli, weights
from inkdigits.cli import reading
from inkdigits.cli.journal import Journal
from inkdigits.read import batch
from inkdigits.read.batch import Job, Part
from inkdigits.read.reader import Order
from inkdigits.types import Page


@pytest.fixture
def long_tiff(photos: Path, tmp_path: Path) -> Path:
    """A TIFF of 21 pages, which say 7, 2, 1, 7, 2, 1 …"""
    pages = [Image.open(photos / f"{number % 3}.png") for number in range(21)]
    path = tmp_path / "long.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def test_results_go_into_a_file(photos: Path, tmp_path: Path) -> None:
    for name in ("found.json", "found.csv"):
        out = tmp_path / "results" / name
        done = run(str(photos), "--out", str(out))
        assert (done.returncode, done.stdout) == (1, "")
        assert f"1 of 5 files couldn't be read, or not whole: {out} says why" in done.stderr
        assert out in out.parent.iterdir()
        assert [path.name for path in out.parent.iterdir() if path.suffix not in (".json", ".csv")] == []
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


@pytest.mark.parametrize("option", ["--allowed", "--form", "--model"])
def test_results_dont_replace_what_is_read_from(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = tmp_path / "needed.json"
    needed.write_text("12\n")
    kind = {"--allowed": "number", "--form": "form", "--model": "digit"}[option]
    asked = [option, str(needed), "--out", str(tmp_path / "." / "needed.json")]
    with pytest.raises(SystemExit) as left:
        cli.main(["read", str(tmp_path), "--as", kind, *asked])
    assert left.value.code == 2
    assert "is read from, so that results can't replace it" in capsys.readouterr().err
    assert needed.read_text() == "12\n"


def test_two_processes_dont_write_the_same_results(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    with Journal(out, "another").held():
        for more in ([], ["--resume"]):
            done = run(str(photos), "--out", str(out), *more)
            assert (done.returncode, done.stdout) == (1, "")
            assert f"another process is writing {out}; wait for it, or name another file" in done.stderr
    assert not out.exists()
    assert run(str(photos / "0.png"), "--out", str(out)).returncode == 0
    assert [path.name for path in tmp_path.iterdir() if "found" in path.name] == ["found.json"]


def begun(out: Path, files: list[Path], *, pictures: Path | None = None, more: str = "") -> None:
    """The journal of a stopped batch that has read these files, each as 77."""
    entries = json.loads(run(*map(str, files), "--json").stdout)
    for entry, file in zip(entries, files, strict=True):
        entry["pages"][0]["lines"][0]["text"] = "77"
        entry |= {"first_page": 0, "version": reading._version(file)}
    journal = Journal(out, reading._described(Job(order=Order(kind="digit"), pictures=pictures)))
    with journal.writing(entries):
        pass
    with journal.path.open("a") as written:
        written.write(more)


def test_a_batch_isnt_gone_on_with_for_other_files(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    begun(out, [photos / "0.png", photos / "1.png"])
    before = Journal(out, "").path.read_bytes()
    done = run(str(photos / "1.png"), "--out", str(out), "--resume")
    assert done.returncode == 1
    assert (
        f"was begun with other files, such as {photos / '0.png'}: name them too, or delete it" in done.stderr
    )
    assert Journal(out, "").path.read_bytes() == before
    (photos / "0.png").unlink()  # what is there no more isn't missed
    assert run(str(photos / "1.png"), str(photos / "2.png"), "--out", str(out), "--resume").returncode == 0
    assert texts(json.loads(out.read_text())) == [["77"], ["1"]]


@pytest.mark.parametrize("more", ["5\n", "{}\n", '{"file": "a.png"}\n', "[]\n"])
def test_what_is_no_entry_of_a_journal_is_read_again(more: str, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    begun(out, [photos / "0.png"], more=more)
    assert run(str(photos / "0.png"), str(photos / "1.png"), "--out", str(out), "--resume").returncode == 0
    assert texts(json.loads(out.read_text())) == [["77"], ["2"]]


def test_pages_that_are_drawn_no_more_are_drawn_again(photos: Path, tmp_path: Path) -> None:
    out, drawn = tmp_path / "found.json", tmp_path / "drawn"
    begun(out, [photos / "0.png"], pictures=drawn)
    done = run(str(photos / "0.png"), "--out", str(out), "--resume", "--annotate", str(drawn))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(drawn.iterdir())) == 1


def test_with_once_an_interrupt_leaves_nothing_to_go_on_with(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "read", interrupted)
    (tmp_path / "list.txt").write_text("7\n2\n")
    asked = ["--once", "--allowed", str(tmp_path / "list.txt"), "--out", str(tmp_path / "found.json")]
    with pytest.raises(SystemExit) as left:
        cli.main(["read", str(photos), "--as", "number", *asked])
    assert left.value.code == 130
    assert "0 of 5 files are read\n" in capsys.readouterr().err
    assert not list(tmp_path.glob("*found*"))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="lists a process's children by /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_that_began_them(
    number: signal.Signals, long_tiff: Path, tmp_path: Path
) -> None:
    many = [str(long_tiff)] * 40
    program = Path(sys.executable).with_name("inkdigits")
    asked = [*many, "--workers", "2", "--out", str(tmp_path / "found.json")]
    going = subprocess.Popen([program, "read", "--as", "digit", *asked], stderr=subprocess.DEVNULL)
    journal = tmp_path / "found.json.unfinished"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (journal.exists() and journal.read_bytes().count(b"\n") > 2):
        time.sleep(0.02)
    children = Path(f"/proc/{going.pid}/task/{going.pid}/children").read_text().split()
    assert len(children) >= 2
    going.send_signal(number)
    going.wait()
    while time.monotonic() < until and any(is_running(child) for child in children):
        time.sleep(0.02)
    assert not [child for child in children if is_running(child)]


def is_running(number: str) -> bool:
    """Whether the process is there, and no zombie that nobody has asked about."""
    try:
        return "State:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except OSError:
        return False
