import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from inkdigits import files
from inkdigits.errors import UserError

needs_limits = pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no process's file sizes")

FULL_DISK = """
import resource, sys
from pathlib import Path
from inkdigits import errors, files

before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
files.write(Path(sys.argv[1]), b"small")
try:
    files.write(Path(sys.argv[1]), bytes(5000))
except errors.UserError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, before)
"""
"""A disk with 1,000 bytes left, as far as this process can tell."""

KILLED = """
import os, signal, sys
from pathlib import Path
from inkdigits import files

os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
files.write(Path(sys.argv[1]), b"new")
"""
"""A process killed after the content is written, before it is moved into its place."""


def test_what_is_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    for content in (b"old and long", b"", b"new"):
        files.write(path, content)
        assert path.read_bytes() == content
        assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    files.write(tmp_path / "a" / "b" / "c.json", b"{}")
    assert (tmp_path / "a" / "b" / "c.json").read_bytes() == b"{}"


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    files.write(path, b"old")
    with path.open("rb") as reader:
        files.write(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_the_content_is_on_disk_before_it_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "model.bin", []
    files.write(path, b"old")
    monkeypatch.setattr(
        os, "fsync", lambda number: seen.append((os.fstat(number).st_size, path.read_bytes()))
    )
    files.write(path, b"newer")
    assert seen == [(5, b"old")]


@needs_limits
def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith(f"cannot write {path}: ")
    assert done.stdout.endswith("; what was saved before is untouched\n")
    assert path.read_bytes() == b"small"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_write_leaves_the_old_file_and_can_be_swept_away(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    files.write(path, b"old")
    mine = [tmp_path / ".hidden", tmp_path / ".mine.iso.part", tmp_path / ".x.part"]
    for each in mine:
        each.write_text("mine")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -9
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2 + len(mine)
    (tmp_path / ".folder.0123abcd.part").mkdir()
    files.sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {path, *mine, tmp_path / ".folder.0123abcd.part"}


def test_sweeping_where_nothing_is_is_no_trouble(tmp_path: Path) -> None:
    files.sweep(tmp_path)
    files.sweep(tmp_path / "missing")


def test_a_folder_that_is_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(
        UserError, match=r"^cannot write .*taken/model\.bin: .*; what was saved before is untouched$"
    ):
        files.write(tmp_path / "taken" / "model.bin", b"new")
    assert (tmp_path / "taken").read_text() == "a file"


def test_a_file_that_is_a_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match=r"^cannot write .*taken: "):
        files.write(tmp_path / "taken", b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="whoever runs this may write anywhere"
)
def test_a_folder_that_cant_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IREAD | stat.S_IEXEC)
    with pytest.raises(UserError, match="Permission denied"):
        files.write(tmp_path / "model.bin", b"new")
    tmp_path.chmod(stat.S_IRWXU)
