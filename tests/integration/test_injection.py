"""Words that mean something to a database, a log, a shell or a browser are words like any other here."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.store.engine import make_engine
from adapters.store.migrate import check, upgrade
from adapters.store.unit_of_work import unit_of_work_factory
from gateway.permissions import Role
from tests.builders import person
from tests.integration.hub_world import ORDER, Hub, answering
from tests.servers.postgres import postgres_cluster, postgres_url  # noqa: F401

EVIL = [
    "'; DROP TABLE audit_event; --",
    '" OR ""="',
    "1' UNION SELECT * FROM source_record --",
    "%' OR '%'='",
    "\\'; DELETE FROM source_record; --",
    "Robert'); DROP TABLE students;--",
    "<script>alert(1)</script>",
    "{{7*7}} ${7*7} #{7*7}",
    '{"event": "forged"}',
    "$(touch /tmp/x) `id`",
    "../../etc/passwd",
]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path / 'hub.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    made = make_engine(url)
    upgrade(made)
    yield made
    made.dispose()


def test_whatever_a_value_looks_like_it_is_stored_and_found_as_it_is(engine: sa.Engine, log: io.StringIO) -> None:
    hub = Hub(answering("NGH"), units=unit_of_work_factory(engine))
    for number, evil in enumerate(EVIL):
        hub.index.register(f"NGH|{evil}", as_=person(evil, evil, born=f"19{50 + number}-01-02", sex="F"))
    for evil in EVIL:
        patient = {"assigningAuthority": "NGH", "localPatientId": evil}
        found = hub.run("Person", Role.RECORDS, patient=patient)
        assert found["__typename"] == "Person"
        assert found["records"][0]["identifier"]["localPatientId"] == evil
        hub.run("ImagingHistory", Role.PHYSICIAN, patient=patient)
        order: dict[str, Any] = {**ORDER, "patient": patient, "description": evil, "placerOrderNumber": evil}
        assert hub.run("CheckOrder", Role.PHYSICIAN, order=order)["__typename"] == "OrderCheck"
        for asked in ({"checkId": evil}, {"state": "SHOWN", "checkId": evil}):
            assert hub.run("Alerts", Role.PHYSICIAN, **asked)["__typename"] == "AlertList"
        hub.request("GET", f"/{evil}", headers={"X-Correlation-Id": "forged\tline"})
    assert check(engine) == []
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM source_record")).scalar_one() == len(EVIL)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert "forged" not in {line["event"] for line in lines}
    assert "DROP TABLE" not in log.getvalue()
