"""The schema of the store, brought to what this version knows by Alembic's revisions in `migrations`."""

from sqlalchemy import Connection, Engine, String, column, inspect, select, table

from inkdigits.errors import UserError
from inkdigits.serve import database
from inkdigits.serve.tables import VERSION_TABLE

HEAD = "0001"
"""The newest revision; named here too, so that a store which has it opens without Alembic."""

_MIGRATIONS = "inkdigits.serve:migrations"


def upgrade(engine: Engine) -> None:
    """Makes the tables in an empty database, or changes those of an earlier version; all of it or nothing.

    Several processes may do it at once: one does, the others wait. Raises UserError for another program's
    database and for one that a newer version wrote.
    """
    with database.reading(engine) as connection:
        if _revision(connection) == HEAD:
            return
    with database.writing(engine) as connection:
        revision = _revision(connection)
        if revision is None:
            _require_empty(connection)
        if revision != HEAD:
            _migrate(connection, revision)


def _revision(connection: Connection) -> str | None:
    """The revision that the tables have; None where there are none of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    number = column("version_num", String)
    return connection.execute(select(number).select_from(table(VERSION_TABLE, number))).scalar_one()


def _require_empty(connection: Connection) -> None:
    tables = sorted(inspect(connection).get_table_names())
    if tables:
        raise UserError(
            f"{database.shown(connection.engine)} holds the table {tables[0]!r}, which is another program's: "
            "name an empty database, or one that inkdigits made"
        )


def _migrate(connection: Connection, revision: str | None) -> None:
    from alembic import command  # noqa: PLC0415 (a quarter of a second that hardly anybody needs)
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _MIGRATIONS)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise UserError(
            f"{database.shown(connection.engine)} was written by a newer inkdigits (its schema is "
            f"{revision!r}, this one knows {HEAD!r}): install that one"
        )
    command.upgrade(config, "head")
