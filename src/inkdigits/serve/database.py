"""One database, SQLite or PostgreSQL: how it is reached, read, written by one at a time, and wiped."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from inkdigits.errors import ArgumentError
from inkdigits.serve.entries import UnusableError

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_DRIVER = "postgresql+psycopg"

_CONNECT_SECONDS = 10
_WAIT_SECONDS = 30
"""How long one waits for another who writes."""

_LOCK = int.from_bytes(b"inkdigit") >> 1
"""The advisory lock that whoever writes to a PostgreSQL database holds."""

_BEGIN = "inkdigits_begin"
"""The option of a connection that says how SQLite is to begin a transaction; empty for none."""

_PAUSE_SECONDS = 0.02

_SQLITE_SETTINGS = (
    "synchronous = FULL",  # NORMAL may lose the last ones to a power cut, and nobody corrects so often
    "foreign_keys = ON",
    "secure_delete = ON",
)


def engine(url: str) -> Engine:
    """Connections to the database at `url`, none made yet. Raises ArgumentError for a URL of another kind."""
    found = _parsed(url)
    if found.get_backend_name() == "sqlite":
        return _sqlite(found)
    return _postgresql(found)


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read with. Raises UnusableError where it fails, then or on the way."""
    with _one_sentence(engine), engine.connect() as connection:
        yield connection


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction beside which no other writes, in this process or another, committed at the end.

    So whatever it reads first still holds when it writes, and ids are seen in their order. Raises
    UnusableError where it fails, then or on the way, or would have to wait for too long.
    """
    with _one_sentence(engine), engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}).begin() as connection:
        if not _is_sqlite(engine):
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        yield connection


def wipe(engine: Engine, table: str) -> None:
    """Leaves no byte of deleted rows in the files of the database.

    PostgreSQL's log (`pg_wal`) and its backups have them until they go their own way. Raises UnusableError
    where somebody who reads all the while is in the way.
    """
    with _one_sentence(engine):
        if _is_sqlite(engine):
            _wipe_sqlite(engine)
        else:
            _wipe_postgresql(engine, table)


def shown(engine: Engine) -> str:
    """The database's URL for people to see: without the password and the options."""
    if _is_sqlite(engine):
        return f"{_SQLITE}{engine.url.database}"
    return engine.url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def _parsed(url: str) -> URL:
    if url.startswith(_SQLITE):
        return _file(url.removeprefix(_SQLITE))
    kind = url.partition("://")[0]
    if kind not in _POSTGRESQL:
        raise ArgumentError(
            f"no store can be kept at {kind!r}; it should be sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        )
    try:
        return make_url(url).set(drivername=_DRIVER)
    except (SQLAlchemyError, ValueError):
        # Not as the cause: it may quote a password that should have been escaped.
        raise ArgumentError(
            f"the store's URL {kind}://… can't be understood; it should be "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for an @ in the password"
        ) from None


def _file(name: str) -> URL:
    """The URL of a file of any name; parsed by SQLAlchemy, a question mark in it would begin options."""
    if name in {"", ":memory:"}:
        raise ArgumentError(
            f"the store {_SQLITE}{name} should name a file, as in sqlite:///corrections.sqlite3"
        )
    return URL.create("sqlite", database=str(Path(name).expanduser()))


def _sqlite(url: URL) -> Engine:
    made = create_engine(url, connect_args={"timeout": _WAIT_SECONDS}, hide_parameters=True)
    event.listen(made, "connect", _set_up_sqlite)
    event.listen(made, "begin", _begin_sqlite)
    return made


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # Python's own BEGIN comes too late: after what is read first
    _wait_for(lambda: _has_log(connection))
    for setting in _SQLITE_SETTINGS:
        connection.execute(f"PRAGMA {setting}").close()


def _has_log(connection: sqlite3.Connection) -> bool:
    """Whether the file has a write-ahead log now; not while another process is about to give it one."""
    try:
        connection.execute("PRAGMA journal_mode = WAL").close()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _wait_for(is_done: Callable[[], bool]) -> bool:
    """Whether it came to be done in time; for the two cases where SQLite itself doesn't wait for others."""
    end = time.monotonic() + _WAIT_SECONDS
    while not is_done():
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)


def _postgresql(url: URL) -> Engine:
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_SECONDS}
    made = create_engine(
        url,
        connect_args=arguments,
        hide_parameters=True,
        isolation_level="READ COMMITTED",  # for what is read after the lock to be what was written before
        pool_pre_ping=True,
    )
    event.listen(made, "connect", _set_up_postgresql)
    return made


def _set_up_postgresql(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{_WAIT_SECONDS}s'")
    connection.commit()


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _wipe_sqlite(engine: Engine) -> None:
    with engine.connect().execution_options(**{_BEGIN: ""}) as connection:
        connection.exec_driver_sql("VACUUM")
        is_empty = _wait_for(lambda: _has_empty_log(connection))
    if not is_empty:
        raise UnusableError(
            f"what was deleted is still in {engine.url.database}-wal, since somebody reads {shown(engine)}; "
            "delete it again later"
        )


def _has_empty_log(connection: Connection) -> bool:
    """Whether all of the write-ahead log is in the file itself, and nothing left in the log."""
    is_busy: int = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
    return not is_busy


def _wipe_postgresql(engine: Engine, table: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"VACUUM FULL {table}")


@contextlib.contextmanager
def _one_sentence(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        told = str(getattr(error, "orig", None) or error) or type(error).__name__
        raise UnusableError(
            f"cannot use the store {shown(engine)}: {told.splitlines()[0]}; put that right, or name another"
        ) from error
