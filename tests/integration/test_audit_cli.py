"""``priorlink audit``: verify finds what was done to the store, export and access read it, prune keeps the chain."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
import tracemalloc
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.store.engine import make_engine
from adapters.store.unit_of_work import SqlUnitOfWork, unit_of_work_factory
from gateway.cli.app import run
from mpi.audit import AuditEvent, AuditOutcome
from tests.builders import Index
from tests.contract.conftest import migrated_sqlite  # noqa: F401
from tests.integration.hub_world import ANA


class Store:
    """A store of its own, and the commands on it, run in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.heads = folder / "heads.jsonl"
        self.config = folder / "priorlink.toml"
        self.engine = make_engine(f"sqlite:///{folder / 'priorlink.db'}")
        self.config.write_text(
            f'[store]\nurl = "sqlite:///{folder / "priorlink.db"}"\n'
            f'[audit]\nretention_days = 365\nhead_file = "{self.heads}"\n'
        )

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """What the command says on stdout and stderr."""
        assert run(["audit", *arguments, "--config", str(self.config)]) == code
        said = self._capsys.readouterr()
        return said.out, said.err

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code)[0])

    def tamper(self, statement: str) -> None:
        """As somebody does who may do anything to the file."""
        with self.engine.begin() as connection:
            for name in ("audit_event_refuse_update", "audit_event_refuse_delete"):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            connection.exec_driver_sql(statement)


@pytest.fixture
def store(tmp_path: Path, migrated_sqlite: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Store]:  # noqa: F811
    """One person and ten looks at her, the first five of them old."""
    shutil.copyfile(migrated_sqlite, tmp_path / "priorlink.db")
    store = Store(tmp_path, capsys)
    index = Index(unit_of_work_factory(store.engine))  # type: ignore[arg-type]
    index.register("NGH|0007", as_=ANA)
    now, ana = dt.datetime.now(dt.UTC), index.person_of("NGH|0007")
    with SqlUnitOfWork(store.engine) as uow:
        for number in range(10):
            at = now - dt.timedelta(days=900 if number < 5 else 1)
            uow.audit.append(AuditEvent(at, f"dr-{number}", "physician", "imagingHistory", AuditOutcome.SUCCESS, ana))
        uow.commit()
    yield store
    store.engine.dispose()


def test_a_sound_chain_is_verified_and_its_head_kept(store: Store) -> None:
    found = store.json("verify")
    assert (found["ok"], found["rows"], found["problem"], found["kept_heads"]) == (True, 10, None, 0)
    assert store.json("verify")["kept_heads"] == 1
    (line,) = store.heads.read_text().splitlines()
    assert json.loads(line)["number"] == 10


@pytest.mark.parametrize(
    ("statement", "number", "fault"),
    [
        ("UPDATE audit_event SET actor = 'nobody' WHERE audit_id = 4", 4, "changed"),
        ("UPDATE audit_event SET at = datetime(at, '-1 hour') WHERE audit_id = 6", 6, "changed"),
        ("DELETE FROM audit_event WHERE audit_id IN (7, 9)", 7, "missing"),
        ("DELETE FROM audit_event WHERE audit_id > 8", 9, "cut_off"),
        ("DELETE FROM audit_event", 1, "cut_off"),
        ("UPDATE audit_event SET audit_id = -audit_id", -10, "not_expected"),
    ],
)
def test_verify_names_the_first_bad_row_and_fails(store: Store, statement: str, number: int, fault: str) -> None:
    store.json("verify")
    store.tamper(statement)
    found = store.json("verify", code=1)
    assert found["problem"] == {"number": number, "fault": fault}
    out, err = store.run("verify", code=1)
    assert out == ""
    assert f"row {number}: " in err
    assert len(store.heads.read_text().splitlines()) == 1


def test_export_is_fhir_one_a_line_and_is_remembered_itself(store: Store) -> None:
    out, err = store.run("export")
    resources = [json.loads(line) for line in out.splitlines()]
    assert [resource["resourceType"] for resource in resources] == ["AuditEvent"] * 10
    assert [resource["id"] for resource in resources] == [str(number) for number in range(1, 11)]
    assert err == "10 events\n"
    bundle = store.json("export")
    assert len(bundle["entry"]) == 11
    assert bundle["entry"][-1]["resource"]["subtype"][1]["code"] == "audit export"
    path = str(store.folder / "log.ndjson")
    assert store.json("export", "--out", path) == {"file": path, "events": 12}
    assert len(Path(path).read_text().splitlines()) == 12


@pytest.mark.parametrize("to", [(), ("--json",), ("--out",)])
def test_what_is_exported_is_on_record_before_the_first_line_leaves(store: Store, to: tuple[str, ...]) -> None:
    class Closed(StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    nowhere = [str(store.folder / "no" / "folder")] if "--out" in to else []
    with contextlib.suppress(BrokenPipeError), contextlib.redirect_stdout(Closed()):
        run(["audit", "export", *to, *nowhere, "--config", str(store.config)])
    noted = store.json("export")["entry"][-1]["resource"]
    assert noted["subtype"][1]["code"] == "audit export"


def test_an_export_takes_the_same_memory_for_any_number_of_events(store: Store) -> None:
    def peak_bytes() -> int:
        tracemalloc.start()
        try:
            store.run("export", "--out", str(store.folder / "log.ndjson"))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    add_events(store, 2_000)
    some = peak_bytes()
    add_events(store, 6_000)
    assert peak_bytes() < 1.3 * some
    assert store.json("verify")["ok"]


def add_events(store: Store, count: int) -> None:
    at = dt.datetime.now(dt.UTC)
    with SqlUnitOfWork(store.engine) as uow:
        for number in range(count):
            uow.audit.append(AuditEvent(at, f"dr-{number}", "physician", "person", AuditOutcome.SUCCESS))
        uow.commit()


def test_export_of_a_time(store: Store) -> None:
    day = (dt.datetime.now(dt.UTC) - dt.timedelta(days=30)).date().isoformat()
    assert len(store.json("export", "--until", day)["entry"]) == 5
    assert len(store.json("export", "--since", day)["entry"]) == 6
    assert "--since" in store.run("export", "--since", "soon", code=2)[1]


def test_who_looked_at_a_patient(store: Store) -> None:
    found = store.json("access", "NGH|0007")
    assert [entry["actor"] for entry in found["entries"]] == [f"dr-{number}" for number in range(9, -1, -1)]
    assert not found["has_more"]
    by_id = store.json("access", found["enterprise_id"], "--limit", "1")
    assert [(entry["actor"], entry["action"]) for entry in by_id["entries"]] == [("command-line", "accessReport")]
    assert by_id["has_more"]
    assert "no person" in store.run("access", "E-none", code=3)[1]
    assert "dr-9" in store.run("access", "NGH|0007")[1]


def test_prune_lets_go_of_what_is_old_and_the_chain_is_still_sound(store: Store) -> None:
    store.json("verify")
    assert store.json("prune") == {"pruned": 5}
    found = store.json("verify")
    assert (found["ok"], found["anchor"], found["rows"]) == (True, 5, 6)
    assert store.json("prune") == {"pruned": 0}
    with store.engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.exec_driver_sql("DELETE FROM audit_event WHERE audit_id = 6")


def test_without_a_retention_nothing_is_pruned(store: Store) -> None:
    store.config.write_text(store.config.read_text().replace("retention_days = 365\n", ""))
    assert "audit.retention_days" in store.run("prune", code=2)[1]


def test_without_a_store_the_answer_says_so(store: Store) -> None:
    (store.folder / "priorlink.db").rename(store.folder / "elsewhere.db")
    assert "store:" in store.run("verify", code=4)[1]
