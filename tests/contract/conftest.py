"""Every store behind one fixture: in memory, SQLite, PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.simulated.memory_state import Refused
from adapters.simulated.memory_state import UnitNotOpen as MemoryUnitNotOpen
from adapters.simulated.memory_store import MemoryStore, memory_unit_of_work_factory
from adapters.store.engine import make_engine
from adapters.store.errors import UnitNotOpen
from adapters.store.migrate import upgrade
from adapters.store.unit_of_work import unit_of_work_factory
from tests.contract.stores import Store
from tests.servers.postgres import PostgresCluster, postgres_cluster  # noqa: F401

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.needs("postgres"))


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    with _engine(f"sqlite:///{path}") as engine:
        upgrade(engine)
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_cluster: PostgresCluster) -> str:  # noqa: F811
    """The name of a migrated, empty database to copy."""
    name = postgres_cluster.create_database()
    with _engine(postgres_cluster.url(name)) as engine:
        upgrade(engine)
    return name


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    if request.param == "memory":
        yield _memory_store()
    else:
        with _database(request, tmp_path) as engine:
            yield _sql_store(engine)


@pytest.fixture(params=["sqlite", POSTGRESQL])
def sql_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind that has a database."""
    with _database(request, tmp_path) as engine:
        yield _sql_store(engine)


def _memory_store() -> Store:
    kept = MemoryStore()
    return Store(
        memory_unit_of_work_factory(kept),
        memory_unit_of_work_factory(kept, read_only=True),
        refusals=(Refused,),
        not_open=MemoryUnitNotOpen,
    )


def _sql_store(engine: sa.Engine) -> Store:
    return Store(
        unit_of_work_factory(engine),
        unit_of_work_factory(engine, read_only=True),
        refusals=(sa.exc.DBAPIError,),
        not_open=UnitNotOpen,
        engine=engine,
    )


@contextmanager
def _database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        path = tmp_path / "priorlink.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        with _engine(f"sqlite:///{path}") as engine:
            yield engine
        return
    cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
    name = cluster.create_database(template=request.getfixturevalue("migrated_postgres"))
    with _engine(cluster.url(name)) as engine:
        yield engine
    cluster.drop_database(name)


@contextmanager
def _engine(url: str) -> Iterator[sa.Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
