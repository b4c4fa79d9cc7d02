"""Known files come from the first source that has them: checked, whole, once, and then without a network."""

import gzip
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from inkdigits import data
from inkdigits.data import cache, fetching, files, known, local, obtain, pinned
from inkdigits.data.pinned import FILES, File
from inkdigits.data.progress import bars
from inkdigits.errors import UserError

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()
PACKED = gzip.compress(CONTENT)


class Mirror(ThreadingHTTPServer):
    """A mirror on this machine that serves PACKED, as well or badly as it is told to."""

    def __init__(
        self, *, ranges: bool = True, deaths: int = 0, status: int = 200, served: bytes = PACKED
    ) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.ranges, self.deaths, self.status, self.served = ranges, deaths, status, served
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/thing.gz"

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of clients that hang up."""


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        if start >= len(self.server.served):
            self.send_error(416)
            return
        self._head(start)
        body = self.server.served[start:]
        if self.server.deaths:
            self.server.deaths -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def _head(self, start: int) -> None:
        total = len(self.server.served)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(total - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""


@contextmanager
def serving(**how: object) -> Iterator[Mirror]:
    mirror = Mirror(**how)  # type: ignore[arg-type]
    thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield mirror
    finally:
        mirror.shutdown()
        thread.join()
        mirror.server_close()


def thing(*urls: str, content: bytes = CONTENT) -> File:
    sha256 = hashlib.sha256(content).hexdigest()
    return File(name="thing", folder="things", n_bytes=len(content), sha256=sha256, urls=urls)


def silent(*_report: object) -> None:
    """Reports nothing."""


def get(file: File) -> bytes:
    return obtain.content(file, progress=silent).tobytes()


def left_behind(folder: Path) -> list[str]:
    """Everything in the cache's folder but the lock."""
    return sorted(path.name for path in (folder / "things").iterdir() if path.name != ".lock")


def test_a_mirrors_file_is_unpacked_checked_and_cached(empty_cache: Path) -> None:
    with serving() as mirror:
        assert get(thing(mirror.url)) == CONTENT
    assert left_behind(empty_cache) == ["thing"]
    assert (empty_cache / "things" / "thing").read_bytes() == CONTENT


def test_what_is_cached_needs_no_source(empty_cache: Path) -> None:
    with serving() as mirror:
        file = thing(mirror.url)
        get(file)
    assert files.read(file).tobytes() == CONTENT
    assert len(mirror.asked) == 1


def test_a_download_that_breaks_off_is_resumed(empty_cache: Path) -> None:
    with serving(deaths=2) as mirror:
        assert get(thing(mirror.url)) == CONTENT
    half = len(PACKED) // 2
    assert mirror.asked[:2] == [None, f"bytes={half}-"]
    assert len(mirror.asked) == 3


def test_a_mirror_that_ignores_ranges_starts_again(empty_cache: Path) -> None:
    with serving(deaths=1, ranges=False) as mirror:
        assert get(thing(mirror.url)) == CONTENT
    assert len(mirror.asked) == 2


def test_what_an_earlier_process_left_is_gone_on_from(empty_cache: Path) -> None:
    with serving() as mirror:
        host = mirror.url.split("/")[2].replace(":", "_")
        (empty_cache / "things").mkdir(parents=True)
        (empty_cache / "things" / f"thing.{host}.part").write_bytes(PACKED[:1000])
        assert get(thing(mirror.url)) == CONTENT
    assert mirror.asked == ["bytes=1000-"]


def test_a_part_longer_than_the_file_is_thrown_away(empty_cache: Path) -> None:
    with serving() as mirror:
        host = mirror.url.split("/")[2].replace(":", "_")
        (empty_cache / "things").mkdir(parents=True)
        (empty_cache / "things" / f"thing.{host}.part").write_bytes(PACKED + b"more")
        assert get(thing(mirror.url)) == CONTENT
    assert len(mirror.asked) == 2


def test_a_part_of_something_else_does_not_stay(empty_cache: Path) -> None:
    with serving() as mirror:
        host = mirror.url.split("/")[2].replace(":", "_")
        (empty_cache / "things").mkdir(parents=True)
        (empty_cache / "things" / f"thing.{host}.part").write_bytes(bytes(1000))
        with pytest.raises(UserError):
            get(thing(mirror.url))
        assert get(thing(mirror.url)) == CONTENT


def test_a_mirror_that_keeps_breaking_off_is_given_up(empty_cache: Path) -> None:
    with serving(deaths=99) as mirror, pytest.raises(UserError, match="broke off 4 times"):
        get(thing(mirror.url))


def test_the_second_mirror_helps_when_the_first_fails(empty_cache: Path) -> None:
    with serving(status=404) as broken, serving() as mirror:
        assert get(thing(broken.url, mirror.url)) == CONTENT


def test_a_mirror_that_serves_something_else_is_not_believed(empty_cache: Path) -> None:
    with (
        serving(served=gzip.compress(CONTENT[::-1])) as wrong,
        pytest.raises(UserError, match="not the things/thing"),
    ):
        get(thing(wrong.url))
    assert left_behind(empty_cache) == []


def test_a_gzip_bomb_is_not_unpacked(empty_cache: Path) -> None:
    with (
        serving(served=gzip.compress(bytes(50_000_000))) as wrong,
        pytest.raises(UserError, match="more than 300,000"),
    ):
        get(thing(wrong.url))


def test_when_all_sources_fail_the_sentence_names_each(empty_cache: Path) -> None:
    with serving(status=500) as broken:
        pass
    with serving(status=403) as refusing, pytest.raises(UserError) as caught:
        get(thing(broken.url, refusing.url))
    sentence = str(caught.value)
    assert "\n" not in sentence
    for part in (
        str(empty_cache),
        "INKDIGITS_DATA isn't set",
        "can't be reached",
        "answered 403",
        "set INKDIGITS_DATA to",
    ):
        assert part in sentence


def test_a_folder_of_data_that_does_not_exist_is_named(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKDIGITS_DATA", str(empty_cache / "absent"))
    with pytest.raises(UserError, match=r"INKDIGITS_DATA names .*absent, which is no folder"):
        get(thing())


@pytest.mark.parametrize("place", ["things/thing", "things/thing.gz", "thing", "thing.gz"])
def test_the_named_folder_serves_files_packed_or_not(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    path = tmp_path / "named" / place
    path.parent.mkdir(parents=True)
    path.write_bytes(PACKED if place.endswith(".gz") else CONTENT)
    monkeypatch.setenv("INKDIGITS_DATA", str(tmp_path / "named"))
    assert get(thing()) == CONTENT


def test_a_wrong_file_in_the_named_folder_is_passed_over(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thing").write_bytes(CONTENT[:-1])
    monkeypatch.setenv("INKDIGITS_DATA", str(tmp_path))
    with serving() as mirror:
        assert get(thing(mirror.url)) == CONTENT


def test_the_systems_folder_is_a_source(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "thing.gz").write_bytes(PACKED)
    monkeypatch.setattr(local, "SYSTEM", tmp_path)
    assert get(thing()) == CONTENT


def test_a_damaged_cache_is_mended(empty_cache: Path) -> None:
    with serving() as mirror:
        file = thing(mirror.url)
        get(file)
        cache.path(file).write_bytes(CONTENT[:-1] + b"!")
        assert cache.read(file) is None
        assert files.read(file).tobytes() == CONTENT
    assert cache.read(file) is not None


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    monkeypatch.setenv("INKDIGITS_CACHE", str(tmp_path / "file" / "cache"))
    with serving() as mirror:
        assert get(thing(mirror.url)) == CONTENT


def test_a_cache_with_a_file_in_a_folders_place_is_done_without(empty_cache: Path) -> None:
    empty_cache.mkdir()
    (empty_cache / "things").write_text("in the way")
    with serving() as mirror:
        assert get(thing(mirror.url)) == CONTENT
    assert (empty_cache / "things").read_text() == "in the way"


FULL_DISK = """
import resource, sys
from inkdigits import data
from inkdigits.data import files, obtain, pinned
from inkdigits.errors import UserError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
print(len(data.load("mnist", "test")))
try:
    data.fetch("mnist")
except UserError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes to make a disk full with")
def test_a_full_disk_leaves_no_torn_file_and_a_sentence(empty_cache: Path, data_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK],
        env={**os.environ, "INKDIGITS_CACHE": str(empty_cache), "INKDIGITS_DATA": str(data_folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    count, sentence = done.stdout.splitlines()
    assert count == "10000"
    assert sentence.startswith("cannot write ")
    assert (
        "train-images-idx3-ubyte: File too large; what was saved before is untouched: make room" in sentence
    )
    kept = {path.name for path in (empty_cache / "mnist").iterdir()}
    assert kept <= {".lock", "t10k-labels-idx1-ubyte", "test-writers"}


def test_what_a_killed_process_left_half_written_is_swept_away(empty_cache: Path) -> None:
    left = empty_cache / "things" / ".thing.0123abcd.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with serving() as mirror:
        assert get(thing(mirror.url)) == CONTENT
    assert not left.exists()


SECOND_PROCESS = """
import sys
from inkdigits.data import obtain, pinned
url, n_bytes, sha256 = sys.argv[1:]
file = pinned.File(name="thing", folder="things", n_bytes=int(n_bytes), sha256=sha256, urls=(url,))
print(len(obtain.content(file, progress=lambda *_: None)))
"""


def test_two_processes_download_a_file_once(empty_cache: Path) -> None:
    with serving() as mirror:
        file = thing(mirror.url)
        command = [sys.executable, "-c", SECOND_PROCESS, mirror.url, str(file.n_bytes), file.sha256]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        assert [process.communicate()[0].strip() for process in both] == ["300000", "300000"]
    assert len(mirror.asked) == 1


def test_progress_is_told_of_every_download(empty_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, int, int | None]] = []
    with serving() as mirror:
        obtain.content(thing(mirror.url), progress=lambda *report: told.append(report))
    assert told[-1] == ("thing", len(PACKED), len(PACKED))
    with bars() as report:
        report("thing", 10, 20)
        report("thing", 20, 20)
    assert capsys.readouterr().out == ""


def test_offline_only_this_machine_is_searched(empty_cache: Path) -> None:
    with serving() as mirror:
        assert files.read_if_at_hand(thing(mirror.url), online=False) is None
        assert mirror.asked == []
        found = files.read_if_at_hand(thing(mirror.url), online=True)
    assert found is not None
    assert found.tobytes() == CONTENT


def test_a_download_that_cannot_be_written_is_a_sentence(empty_cache: Path) -> None:
    with serving() as mirror:
        host = mirror.url.split("/")[2].replace(":", "_")
        (empty_cache / "things" / f"thing.{host}.part").mkdir(parents=True)
        with pytest.raises(UserError, match=r"the download from .* can't be written"):
            get(thing(mirror.url))


def test_fetch_brings_all_files_and_says_where(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as mirror:
        monkeypatch.setitem(pinned.FILES, "usps", {"train": (thing(mirror.url),)})
        assert fetching.fetch(known.require("usps"), progress=silent) == (empty_cache / "things" / "thing",)
        assert data.fetch("usps") == (empty_cache / "things" / "thing",)
    assert len(mirror.asked) == 1


def test_writers_are_fetched_only_if_they_can_be_had(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers = replace(FILES["mnist"]["test"][2], urls=())
    with serving() as mirror:
        monkeypatch.setitem(pinned.FILES, "usps", {"train": (thing(mirror.url), writers)})
        assert data.fetch("usps") == (empty_cache / "things" / "thing",)


def test_fetching_into_a_cache_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    monkeypatch.setenv("INKDIGITS_CACHE", str(tmp_path / "file"))
    with serving() as mirror:
        monkeypatch.setitem(pinned.FILES, "usps", {"train": (thing(mirror.url),)})
        with pytest.raises(UserError, match=r"^cannot write .* or set INKDIGITS_CACHE"):
            fetching.fetch(known.require("usps"), progress=silent)
