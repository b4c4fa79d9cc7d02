"""Whatever is wrong with a database is one sentence without a password; what is deleted is in no file."""

import contextlib
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from tests.serve.databases import PASSWORD, Server

from inkdigits.errors import ArgumentError, UserError
from inkdigits.serve import database, store
from inkdigits.serve.store import NewCorrection, UnusableError
from inkdigits.types import Gray


def image(seed: int) -> Gray:
    return np.random.default_rng(seed).integers(0, 256, (28, 28), dtype=np.uint8)


def correction(seed: int) -> NewCorrection:
    return NewCorrection(
        image=image(seed), label="3", answer="5", confidence=0.5, model="reader", source="kitchen"
    )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://me:swordfish@host/db", "no store can be kept at 'mysql'; it should be sqlite:///FILE or"),
        ("corrections.sqlite3", "no store can be kept at 'corrections.sqlite3'"),
        ("sqlite://corrections.sqlite3", "no store can be kept at 'sqlite'"),
        ("", "no store can be kept at ''"),
        ("sqlite:///", "sqlite:/// should name a file"),
        ("sqlite:///:memory:", "should name a file"),
        ("postgresql://me:sword@fish@host:swordfish/db", "URL postgresql://… can't be understood"),
        ("postgresql://me@host:swordfish/db", "with %40 for an @ in the password"),
    ],
)
def test_a_url_that_leads_nowhere_is_a_sentence_without_its_password(url: str, sentence: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        store.open(url)
    assert sentence in str(caught.value)
    assert "swordfish" not in str(caught.value)
    assert caught.value.__cause__ is None


def refusal(url: str) -> str:
    """What opening the store there says, which never holds a password."""
    with pytest.raises(UnusableError) as caught:
        store.open(url)
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_server_that_isnt_there_is_a_sentence() -> None:
    told = refusal(f"postgresql://me:{PASSWORD}@127.0.0.1:1/db?application_name={PASSWORD}")
    assert told.startswith("cannot use the store postgresql://me:***@127.0.0.1:1/db: connection failed")
    assert told.endswith("; put that right, or name another")


def test_a_server_that_refuses_is_a_sentence(postgresql: Server) -> None:
    assert "password authentication failed" in refusal(postgresql.url("postgres", password="wrong"))  # noqa: S106
    assert 'database "nowhere" does not exist' in refusal(postgresql.url("nowhere"))
    assert "invalid connection option" in refusal(postgresql.url("postgres") + "&colour=red")


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_goes_by_several_names(postgresql_url: str, kind: str) -> None:
    kept = store.open(postgresql_url.replace("postgresql", kind, 1))
    assert kept.add(correction(0)).is_new
    kept.close()


def test_a_store_may_lie_in_a_schema_of_its_own(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.execute("CREATE SCHEMA digits")
    kept = store.open(postgresql_url + "&options=-csearch_path%3Ddigits")
    assert kept.add(correction(0)).is_new
    kept.close()


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"this is no database, however long one looks at it " * 50)
    assert f"{path}: file is not a database; put that right" in refusal(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"this is no database")


def test_a_folder_where_the_file_should_be_is_a_sentence(tmp_path: Path) -> None:
    assert "unable to open database file" in refusal(f"sqlite:///{tmp_path}")


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write in .*file: .*; name another store"):
        store.open(f"sqlite:///{tmp_path}/file/store.sqlite3")


AS_NOBODY = """
import os, sys
from inkdigits.errors import UserError
from inkdigits.serve import database, ledger, store
import alembic.command, sqlalchemy.dialects.sqlite
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    store.open(sys.argv[1])
except UserError as error:
    print(error)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, as pytest's own may not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.parametrize("there", [False, True])
def test_a_store_that_may_not_be_written_is_a_sentence(open_folder: Path, there: bool) -> None:
    path = open_folder / "store.sqlite3"
    if there:
        with sqlite3.connect(path) as rows:
            rows.execute("PRAGMA user_version = 1")
        rows.close()
        path.chmod(0o444)
    open_folder.chmod(0o777 if there else 0o555)
    told = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, f"sqlite:///{path}"], check=True, capture_output=True, text=True
    ).stdout
    expected = "attempt to write a readonly database" if there else "unable to open database file"
    assert told == f"cannot use the store sqlite:///{path}: {expected}; put that right, or name another\n"


ON_A_FULL_DISK = """
import resource, sys
import numpy as np
from inkdigits.serve import store
kept = store.open(sys.argv[1])
def add(seed):
    image = np.random.default_rng(seed).integers(0, 256, (28, 28), dtype=np.uint8)
    return kept.add(store.NewCorrection(
        image=image, label="3", answer="5", confidence=0.5, model="reader", source="kitchen"
    ))
n = 0
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    while True:
        n += add(n).is_new
except store.UnusableError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
n += add(n).is_new
print(n)
"""


def test_a_full_disk_is_a_sentence_and_takes_nothing_away(sqlite_url: str) -> None:
    told, n = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, sqlite_url], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert told.startswith(f"cannot use the store {sqlite_url}: ")
    kept = store.open(sqlite_url)
    assert int(n) > 1
    assert [each.sha256 for each in kept.corrections(limit=1000)] == [
        store.image_hash(image(seed)) for seed in range(int(n))
    ]
    kept.close()


def test_a_server_that_was_started_again_is_used_again(postgresql_url: str) -> None:
    kept = store.open(postgresql_url)
    kept.add(correction(0))
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()")
    assert kept.add(correction(1)).is_new
    kept.close()


@contextlib.contextmanager
def written_by_another(url: str) -> Iterator[None]:
    engine = database.engine(url)
    with database.writing(engine) as connection:
        connection.execute(sa.text("DELETE FROM images"))
        yield
        connection.rollback()
    engine.dispose()


def test_who_waits_for_too_long_is_told_in_a_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store.open(url).close()
    monkeypatch.setattr(database, "_WAIT_SECONDS", 1)
    kept = store.open(url)
    with written_by_another(url), pytest.raises(UnusableError, match=r"database is locked|lock timeout"):
        kept.add(correction(0))
    assert kept.add(correction(0)).is_new
    kept.close()


def test_reading_waits_for_nobody(url: str) -> None:
    kept = store.open(url)
    kept.add(correction(0))
    with written_by_another(url):
        assert kept.counts().waiting == 1
        assert len(kept.corrections(limit=9)) == 1
    kept.close()


def test_the_file_is_kept_as_it_should_be(sqlite_url: str) -> None:
    engine = database.engine(sqlite_url)
    store.open(sqlite_url).close()
    settings = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
    with database.reading(engine) as connection:
        found = [connection.execute(sa.text(f"PRAGMA {setting}")).scalar_one() for setting in settings]
    assert found == ["wal", 2, 1, 1, 30_000]
    engine.dispose()


def found_in(folder: Path, seeds: range) -> set[int]:
    """Of which of these images the files in a folder hold a sixteenth or more."""
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    rows = {seed: image(seed).reshape(16, 49) for seed in seeds}
    return {seed for seed in seeds if any(row.tobytes() in content for row in rows[seed])}


def test_a_deleted_image_is_in_no_file_of_sqlite(tmp_path: Path) -> None:
    kept, seeds = store.open(store.default_url(tmp_path)), range(30)
    for seed in seeds:
        kept.add(correction(seed))
    assert found_in(tmp_path, seeds) == set(seeds)
    assert kept.delete_image(store.image_hash(image(7)))
    assert found_in(tmp_path, seeds) == set(seeds) - {7}
    assert kept.delete_images() == 29
    assert found_in(tmp_path, seeds) == set()
    kept.close()
    assert found_in(tmp_path, seeds) == set()


def test_a_deleted_image_is_in_no_table_of_postgresql(postgresql: Server, postgresql_url: str) -> None:
    kept, seeds = store.open(postgresql_url), range(30)
    for seed in seeds:
        kept.add(correction(seed))
    tables = folder_of(postgresql, postgresql_url)
    checkpoint(postgresql_url)
    assert found_in(tables, seeds) == set(seeds)
    assert kept.delete_image(store.image_hash(image(7)))
    checkpoint(postgresql_url)
    assert found_in(tables, seeds) == set(seeds) - {7}
    assert kept.delete_images() == 29
    checkpoint(postgresql_url)
    assert found_in(tables, seeds) == set()
    kept.close()


def folder_of(server: Server, url: str) -> Path:
    """Where the server keeps that database's tables."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return server.folder / "data" / "base" / str(row[0])


def checkpoint(url: str) -> None:
    """Has the server write all to its files."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def test_what_a_reader_keeps_from_being_wiped_is_told_and_wiped_later(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0.5)
    kept = store.open(sqlite_url)
    kept.add(correction(0))
    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    engine = database.engine(sqlite_url)
    with database.reading(engine) as connection:
        connection.execute(sa.text("SELECT * FROM images"))
        with pytest.raises(UnusableError, match=r"-wal, since somebody reads .*; delete it again later"):
            kept.delete_image(store.image_hash(image(0)))
    assert found_in(folder, range(1)) == {0}
    assert not kept.delete_image(store.image_hash(image(0)))
    assert found_in(folder, range(1)) == set()
    engine.dispose()
    kept.close()


def test_images_are_deleted_while_others_add_and_read(url: str) -> None:
    kept = store.open(url, most_waiting=10_000)
    end = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        other = store.open(url, most_waiting=10_000)
        seeds = iter(range(100, 10_000))
        try:
            while not end.is_set():
                other.add(correction(next(seeds)))
                other.corrections(limit=10)
        except BaseException as error:
            failed.append(error)
        other.close()

    thread = threading.Thread(target=work)
    thread.start()
    for seed in range(5):
        kept.add(correction(seed))
        assert kept.delete_image(store.image_hash(image(seed)))
    end.set()
    thread.join()
    assert failed == []
    kept.close()


def test_a_new_file_that_another_holds_is_waited_for(sqlite_url: str) -> None:
    with contextlib.closing(
        sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), check_same_thread=False)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.5, other.rollback)
        release.start()
        kept = store.open(sqlite_url)
        release.join()
    assert kept.add(correction(0)).is_new
    kept.close()


def test_a_file_that_another_holds_for_too_long_is_a_sentence(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0.2)
    with contextlib.closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "database is locked" in refusal(sqlite_url)
    store.open(sqlite_url).close()
