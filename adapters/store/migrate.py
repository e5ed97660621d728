"""Bringing a database to the tables this release needs, and telling whether it is there."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from adapters.store.engine import READ_ONLY
from adapters.store.tables import metadata

_MIGRATION_LOCK = 0x5072696F72  # any number that no other use of this database takes
_MIGRATION_LOCK_TIMEOUT_MS = 60_000
_MIGRATION_STATEMENT_TIMEOUT_MS = 600_000


def upgrade(engine: sa.Engine) -> None:
    """Run all pending steps in one transaction. Two processes that start at once run them once."""
    config = _config()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_MIGRATION_LOCK_TIMEOUT_MS}")
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_MIGRATION_STATEMENT_TIMEOUT_MS}")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current_revision(engine: sa.Engine) -> str | None:
    """The step the database is at; ``None`` when it is empty."""
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str | None:
    """The step this release needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def check(engine: sa.Engine) -> list[str]:
    """What keeps this release from running on the database, one line each; empty when nothing does."""
    current, head = current_revision(engine), head_revision()
    if current != head:
        return [f"pending migrations: database is at {current or 'nothing'}, this release needs {head}"]
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [f"drift: {_describe(difference)}" for difference in compare_metadata(context, metadata)]


def _describe(difference: object) -> str:
    """``add_column source_record.site_id`` and the like, from Alembic's nested tuples."""
    if isinstance(difference, list):
        return ", ".join(_describe(part) for part in difference)
    if not isinstance(difference, tuple):
        return type(difference).__name__
    words = [part if isinstance(part, str) else getattr(part, "name", None) for part in difference]
    return " ".join(word for word in words if word)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    return config
