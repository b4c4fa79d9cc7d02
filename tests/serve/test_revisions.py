"""The schema is what the tables say, is made once, and is never made in a database of somebody else's."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import alembic.command
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from inkdigits.errors import UserError
from inkdigits.serve import database, revisions, store, tables

OPEN = """
import sys
from inkdigits.serve import store
store.open(sys.argv[1]).close()
print("alembic" in sys.modules)
"""


def run(url: str, *statements: str) -> None:
    """Runs SQL in the database at that URL."""
    engine = database.engine(url)
    with database.writing(engine) as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def tables_at(url: str) -> set[str]:
    engine = database.engine(url)
    with database.reading(engine) as connection:
        found = set(sa.inspect(connection).get_table_names())
    engine.dispose()
    return found


def test_the_revisions_lead_to_what_the_tables_say(url: str) -> None:
    store.open(url).close()
    engine = database.engine(url)
    options = {"version_table": tables.VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    with database.reading(engine) as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == revisions.HEAD
    engine.dispose()
    assert tables_at(url) == {*tables.metadata.tables, tables.VERSION_TABLE}


def test_the_comparison_sees_what_differs(url: str) -> None:
    store.open(url).close()
    run(url, "ALTER TABLE images ADD COLUMN width INTEGER", "DROP INDEX corrections_by_image")
    engine = database.engine(url)
    with database.reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": tables.VERSION_TABLE})
        assert len(compare_metadata(context, tables.metadata)) == 2
    engine.dispose()


def test_the_newest_revision_has_the_name_it_should() -> None:
    config = Config()
    config.set_main_option("script_location", "inkdigits.serve:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [revisions.HEAD]


def test_many_processes_may_open_a_new_store_at_once(url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    ends = [process.communicate() for process in processes]
    assert [error for _, error in ends] == [""] * 4
    assert "True\n" in [printed for printed, _ in ends]
    store.open(url).close()


def test_a_store_that_is_up_to_date_opens_without_alembic(url: str) -> None:
    store.open(url).close()
    done = subprocess.run([sys.executable, "-c", OPEN, url], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_a_store_of_a_newer_version_is_refused(url: str) -> None:
    store.open(url).close()
    run(url, f"UPDATE {tables.VERSION_TABLE} SET version_num = '9999'")  # noqa: S608
    with pytest.raises(
        UserError, match=r"by a newer inkdigits \(its schema is '9999', this one knows '0001'\)"
    ):
        store.open(url)


def test_another_programs_database_is_refused_and_stays_as_it_is(url: str) -> None:
    run(url, "CREATE TABLE recipes (name TEXT)")
    with pytest.raises(
        UserError, match="holds the table 'recipes', which is another program's: name an empty"
    ):
        store.open(url)
    assert tables_at(url) == {"recipes"}


def test_the_file_of_a_search_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite3"
    with sqlite3.connect(path) as rows:
        rows.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        rows.execute("INSERT INTO alembic_version VALUES ('v3.2.0.a')")
    rows.close()
    with pytest.raises(UserError, match="holds the table 'alembic_version'"):
        store.open(f"sqlite:///{path}")


def test_an_upgrade_that_fails_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = alembic.command.upgrade

    def fail(config: Config, revision: str) -> None:
        upgrade(config, revision)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(alembic.command, "upgrade", fail)
        with pytest.raises(ZeroDivisionError):
            store.open(url)
    assert tables_at(url) == set()
    store.open(url).close()
