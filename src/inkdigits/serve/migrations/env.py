"""What Alembic runs for every command, on the connection and in the transaction of its caller."""

from alembic import context

from inkdigits.serve import tables


def migrate() -> None:
    """Runs the revisions that are asked for."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=tables.metadata,
        version_table=tables.VERSION_TABLE,
    )
    with context.begin_transaction():
        context.run_migrations()


if not __package__:  # Alembic runs this file by its path
    migrate()
