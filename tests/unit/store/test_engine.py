"""Which database URLs are taken."""

from pathlib import Path

import pytest

from adapters.store.engine import make_engine
from adapters.store.errors import UnusableUrl


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_sqlite_in_memory_is_refused(url: str) -> None:
    with pytest.raises(UnusableUrl, match="file"):
        make_engine(url)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://user:secret@db/priorlink", "oracle://user:secret@db/x"])
def test_another_database_is_refused_without_showing_the_url(url: str) -> None:
    with pytest.raises(UnusableUrl) as refusal:
        make_engine(url)
    assert "secret" not in str(refusal.value)


def test_making_an_engine_opens_nothing(tmp_path: Path) -> None:
    make_engine(f"sqlite:///{tmp_path / 'priorlink.db'}").dispose()
    make_engine("postgresql://nobody@127.0.0.1:1/nothing").dispose()
    assert list(tmp_path.iterdir()) == []


def test_postgresql_means_psycopg_3() -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    assert engine.driver == "psycopg"
    assert engine.hide_parameters
    engine.dispose()
