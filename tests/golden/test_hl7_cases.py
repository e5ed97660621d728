"""Real-shaped messages through the real door (a listener over TCP, or the file import), judged by what is stored.

Own cases are in ``hl7/``; the shared ones run where they lie. ``tests/golden/hl7_judge.py`` explains the keys.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.hl7v2.batch import import_file
from adapters.hl7v2.framing import framed
from adapters.hl7v2.header import ADT_ROUTES, OTHER_ROUTES
from adapters.hl7v2.settings import Hl7Settings, Hl7SiteSettings
from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry
from tests.builders import AUTHORITIES
from tests.golden.hl7_judge import judge
from tests.hl7_door import Ack, Door, OpenStore, converse, memory_store, sql_store

OWN = Path(__file__).parent / "hl7"
SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "cases" / "hl7"
_MESSAGE_TYPE = re.compile(rb"MSH\|[^\r\n]*?\|(ADT|[A-Z]{3})\^([A-Z][0-9]{2})")


class Case(dict[str, Any]):
    """One line of ``expected.jsonl`` with the folder its files are in."""

    folder: Path

    def data(self) -> list[bytes]:
        return [(self.folder / name).read_bytes() for name in self["messages"]]

    @property
    def wanted_codes(self) -> list[list[str]]:
        """Acceptable codes for each message. A batch has one list of one code a message; a list alone is for all."""
        if self["framing"] == "batch":
            return [[code] for code in self["ack"][0]]
        wanted: list[list[str]] = self["ack"]
        return wanted * self.answer_count if len(wanted) == 1 else wanted

    @property
    def answer_count(self) -> int:
        return len(self.get("ack_control_ids", self["ack"]))

    @property
    def unhandled_events(self) -> set[str]:
        kinds = {(m.group(1), m.group(2).decode()) for data in self.data() for m in _MESSAGE_TYPE.finditer(data)}
        return {
            event
            for kind, event in kinds
            if (kind.decode(), event) not in OTHER_ROUTES and (kind != b"ADT" or event not in ADT_ROUTES)
        }


def _cases(folder: Path) -> list[Any]:
    file = folder / "expected.jsonl"
    if not file.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"cases not here: {folder.name}"), id="absent")]
    cases = []
    for line in file.read_text(encoding="utf-8").splitlines():
        case = Case(json.loads(line))
        case.folder = folder
        cases.append(pytest.param(case, id=case["id"]))
    return cases


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("golden") / "empty.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> Iterator[OpenStore]:
    if request.param == "memory":
        yield memory_store()
        return
    path = tmp_path / "priorlink.db"
    shutil.copyfile(migrated, path)
    with sql_store(f"sqlite:///{path}") as opened:
        yield opened


@pytest.mark.parametrize("case", [*_cases(OWN), *_cases(SHARED)])
def test_case(case: Case, store: OpenStore) -> None:
    door = _door(case, store)
    if case.unhandled_events:
        _expect_refused_or_taken(case, door)
        return
    acks = _play(case, door, store)
    wrong = [
        (a.code, a.error, wanted) for a, wanted in zip(acks, case.wanted_codes, strict=True) if a.code not in wanted
    ]
    assert wrong == []
    assert judge(case.get("state", {}), store, acks) == []
    if "ack_control_ids" in case:
        assert [a.control_id for a in acks] == case["ack_control_ids"]


def _expect_refused_or_taken(case: Case, door: Door) -> None:
    """Events that are not handled yet (``Case.unhandled_events``): refused with a reason, never dropped, no crash."""
    acks = asyncio.run(_over_tcp(case, door))
    assert {a.code for a in acks} <= {"AA", "AR"}
    assert {a.get("ERR-3.1") for a in acks if a.code == "AR"} <= {"200", "201"}
    assert any(a.code == "AR" for a in acks)


def _door(case: Case, store: OpenStore) -> Door:
    config = case.get("config", {})
    oids = config.get("authorities", {})
    registry = AuthorityRegistry.of(
        *(AssigningAuthority(a.name, oids.get(a.name, a.oid), a.strong) for a in AUTHORITIES.by_name.values())
    )
    site = Hl7SiteSettings(
        time_zone=ZoneInfo(config.get("time_zone", "UTC")),
        fallback_charset=config.get("fallback_charset", "cp1252"),
    )
    return Door(
        store.units, authorities=registry, settings=Hl7Settings(dict.fromkeys(("NGH", "LKM", "RDI"), site), site)
    )


def _play(case: Case, door: Door, store: OpenStore) -> list[Ack]:
    if case["framing"] == "batch":
        result = import_file(case.data()[0], door.dispatcher.handle)
        assert list(result.warnings) == case.get("warnings", [])
        return [Ack.parse(a) for a in result.acknowledgements]
    return asyncio.run(_over_tcp(case, door, store))


async def _over_tcp(case: Case, door: Door, store: OpenStore | None = None) -> list[Ack]:
    acks: list[Ack] = []
    stages = case.get("state", {}).get("after_message", {})
    async with door.listening() as listener:
        if case["framing"] == "mllp":
            data = case.data()[0]
            return await converse(listener.port, data, chunks=case.get("chunks", ()), answers=case.answer_count)
        for number, data in enumerate(case.data(), start=1):
            acks += await converse(listener.port, framed(data), answers=1)
            if store is not None and str(number) in stages:
                assert judge(stages[str(number)], store, acks) == [], f"after message {number}"
    return acks
