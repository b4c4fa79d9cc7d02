"""A service that runs, and real databases, a new one for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.databases import Server, started
from tests.serve.running import Running, running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with two workers, for the tests of one file."""
    with running(tmp_path_factory.mktemp("service"), workers=2) as found:
        yield found


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server of PostgreSQL for the session; skipped where there is none, which fails in CI."""
    with started() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: Server) -> Iterator[str]:
    """A new database in it."""
    name = postgresql.make()
    yield postgresql.url(name)
    postgresql.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that isn't there yet."""
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A new and empty database of each kind, one after the other."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found
