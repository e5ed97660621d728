"""The sixteen pairs that matchers are tried on, sent by two hospitals: HL7 messages, FHIR resources, rows of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from gateway.bootstrap import Hub as CommandLine
from gateway.bootstrap import build_hub
from gateway.cli.csv_files import CsvRow
from gateway.cli.identities import _load_batch, _mapped
from gateway.settings import Settings, StoreSettings
from mpi.matching.match_model import default_model
from mpi.usecases.matcher import Matcher
from mpi.usecases.register_record import RegisterEffect
from tests.builders import AUTHORITIES, pid
from tests.fhir_door import NATID, FhirClient
from tests.hl7_door import Door
from tests.integration.hub_world import Hub, answering

HOME = ("12 Mill Road", "Harlow Falls", "00112")
AWAY = ("9 Quarry Lane", "Eastwick", "00190")
NOWHERE = ("", "", "")
ID = "9991234567"
MATCH, WAITS, APART = "match", "review", "apart"


@dataclass(frozen=True)
class Said:
    """What a hospital says of its patient."""

    family: str
    given: str
    born: str = "19710304"
    sex: str = "F"
    address: tuple[str, str, str] = HOME
    national_id: str = ""
    phone: str = ""
    suffix: str = ""

    def hl7(self, site: str, number: str) -> str:
        ids = f"{number}^^^{site}^MR" + (f"~{self.national_id}^^^NATID&2.999.1.9&ISO^NI" if self.national_id else "")
        street, city, code = self.address
        phone = self.phone and f"{self.phone}^PRN^PH"
        return (
            f"MSH|^~\\&|REG|{site}|HUB|HUB|20260310115900||ADT^A04|{site}-{number}|P|2.5||||||UNICODE UTF-8\r"
            "EVN|A04|20260310115900\r"
            f"PID|1||{ids}||{self.family}^{self.given}^^{self.suffix}||{self.born}|{self.sex}|||"
            f"{street}^^{city}^^{code}||{phone}\r"
        )

    def fhir(self, site: str, number: str) -> dict[str, Any]:
        identifiers = [{"system": site, "value": number}]
        identifiers += [{"system": NATID, "value": self.national_id}] if self.national_id else []
        name = {"family": self.family, "given": [self.given] if self.given else [], "suffix": [self.suffix]}
        street, city, code = self.address
        body: dict[str, Any] = {
            "resourceType": "Patient",
            "identifier": identifiers,
            "name": [{key: value for key, value in name.items() if value not in ("", [], [""])}],
            "birthDate": f"{self.born[:4]}-{self.born[4:6]}-{self.born[6:]}",
            "gender": {"F": "female", "M": "male"}[self.sex],
        }
        if street:
            body["address"] = [{"line": [street], "city": city, "postalCode": code}]
        if self.phone:
            body["telecom"] = [{"system": "phone", "value": self.phone}]
        return body

    def csv(self, line: int, site: str, number: str) -> CsvRow:
        street, city, code = self.address
        values = {
            "facility": site, "mrn": number, "family": self.family, "given": self.given, "suffix": self.suffix,
            "birth_date": f"{self.born[:4]}-{self.born[4:6]}-{self.born[6:]}", "sex": self.sex, "phone": self.phone,
            "street": street, "city": city, "postal_code": code, "national_id": self.national_id,
        }  # fmt: skip
        return CsvRow(line, values, tuple(values.values()))


@dataclass(frozen=True)
class Edge:
    """Two records and what may become of them; ``same_number`` when one hospital sends both under one number."""

    one: Said
    other: Said
    allowed: frozenset[str] = field(default_factory=lambda: frozenset({MATCH}))
    same_number: bool = False


def edge(one: Said, other: Said, *allowed: str, same_number: bool = False) -> Edge:
    return Edge(one, other, frozenset(allowed), same_number)


PHONE = "202-555-0134"
EDGES = {
    "identical, no national id": edge(Said("Harlow", "Miriam"), Said("Harlow", "Miriam"), MATCH),
    "Bill and William, no id": edge(Said("Carver", "William", sex="M"), Said("Carver", "Bill", sex="M"), MATCH),
    "Bill and William, id": edge(
        Said("Carver", "William", sex="M", national_id=ID), Said("Carver", "Bill", sex="M", national_id=ID), MATCH
    ),
    "half a compound surname": edge(
        Said("Garcia-Lopez", "Ana", national_id=ID), Said("Lopez", "Ana", national_id=ID), MATCH
    ),
    "given and family swapped": edge(
        Said("Harlow", "Miriam", national_id=ID), Said("Miriam", "Harlow", national_id=ID), MATCH
    ),
    "day and month swapped": edge(Said("Harlow", "Miriam"), Said("Harlow", "Miriam", born="19710403"), MATCH, WAITS),
    "both born 1900-01-01": edge(
        Said("Harlow", "Robin", born="19000101"), Said("Harlow", "Robin", born="19000101"), WAITS
    ),
    "surname changed and moved": edge(
        Said("Harlow", "Miriam", national_id=ID), Said("Castle", "Miriam", national_id=ID, address=AWAY), MATCH
    ),
    "twins Anna and Hannah": edge(
        Said("Smith", "Anna", born="20150304", phone=PHONE), Said("Smith", "Hannah", born="20150304", phone=PHONE),
        WAITS, APART,
    ),
    "twins Jayden and Jaylen": edge(
        Said("Smith", "Jayden", born="20150304", sex="M", phone=PHONE, national_id="9991231111"),
        Said("Smith", "Jaylen", born="20150304", sex="M", phone=PHONE, national_id="9994561111"),
        WAITS, APART,
    ),
    "two baby boys": edge(
        Said("SMITH", "BABY BOY", born="20250304", sex="M"),
        Said("BABY BOY SMITH", "", born="20250304", sex="M", address=AWAY),
        WAITS, APART,
    ),
    "local id reused": edge(
        Said("Harlow", "Miriam"), Said("Stone", "Judith", address=AWAY), WAITS, APART, same_number=True
    ),
    "father and son": edge(
        Said("Harlow", "John", born="19510304", sex="M", suffix="Sr", phone=PHONE),
        Said("Harlow", "John", born="19780924", sex="M", suffix="Jr", phone=PHONE),
        WAITS, APART,
    ),
    "accents": edge(Said("Núñez", "José", sex="M"), Said("Nunez", "Jose", sex="M"), MATCH),
    "romanised otherwise": edge(
        Said("Hussein", "Muhammad", sex="M", national_id=ID, address=NOWHERE),
        Said("Husain", "Mohamed", sex="M", national_id=ID, address=NOWHERE),
        MATCH,
    ),
    "Cyrillic and Latin": edge(
        Said("Иванов", "Иван", sex="M", national_id=ID), Said("Ivanov", "Ivan", sex="M", national_id=ID), MATCH
    ),
}  # fmt: skip


def became(units: Callable[[], MemoryUnitOfWork], *, same_number: bool) -> str:
    """One person, a question, or neither."""
    sides = [pid("NGH|1"), pid("NGH|1" if same_number else "LKM|2")]
    with units() as uow:
        records = uow.records.get_many(sides)
        open_items = uow.reviews.open_about(sides)
    if same_number:
        # Taken over in silence would be the same as matched: one record with the second person's name.
        return WAITS if open_items and records[sides[0]].demographics.name.given == "Miriam" else MATCH
    if records[sides[0]].enterprise_id == records[sides[1]].enterprise_id:
        return MATCH
    return WAITS if any({item.left, item.right} <= set(sides) for item in open_items) else APART


def sites_of(case: Edge) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("NGH", "1"), ("NGH", "1") if case.same_number else ("LKM", "2")


@pytest.mark.parametrize("swapped", [False, True], ids=["as listed", "the other way round"])
@pytest.mark.parametrize("name", EDGES)
def test_over_hl7(name: str, swapped: bool) -> None:
    case = EDGES[name]
    store = MemoryStore()
    door = Door(lambda: MemoryUnitOfWork(store))
    sent = list(zip((case.one, case.other), sites_of(case), strict=True))
    for said, (site, number) in reversed(sent) if swapped and not case.same_number else sent:
        text = said.hl7(site, number)
        if case.same_number and said is case.other:
            text = text.replace("NGH-1|P", "NGH-1b|P")
        assert door.send(text).code == "AA"
    assert became(door.units, same_number=case.same_number) in case.allowed  # type: ignore[arg-type]


@pytest.mark.parametrize("name", EDGES)
def test_over_fhir(name: str) -> None:
    case = EDGES[name]
    store = MemoryStore()
    hub = Hub(answering("NGH"), units=lambda: MemoryUnitOfWork(store))
    client = FhirClient(hub)
    for said, (site, number) in zip((case.one, case.other), sites_of(case), strict=True):
        system = {"LKM": "https://lkm.example/ids"}.get(site, site)
        answer = client.create(said.fhir(system, number))
        assert answer.status_code in {200, 201}, answer.text
    assert became(hub.units, same_number=case.same_number) in case.allowed  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """What the commands work with; its store is put in another one's place by each test."""
    url = f"sqlite:///{tmp_path_factory.mktemp('edges') / 'unused.db'}"
    hub = build_hub(Settings(store=StoreSettings(url=url)), migrate=True)
    yield replace(hub, matcher=Matcher(default_model(), AUTHORITIES))
    hub.engine.dispose()


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "two batches"])
@pytest.mark.parametrize("name", EDGES)
def test_in_a_file(name: str, at_once: bool, command_line: CommandLine) -> None:
    case, store = EDGES[name], MemoryStore()
    units = lambda: MemoryUnitOfWork(store)  # noqa: E731
    sides = zip((case.one, case.other), sites_of(case), strict=True)
    rows = [said.csv(line, *number) for line, (said, number) in enumerate(sides, start=2)]
    for batch in [rows] if at_once else [rows[:1], rows[1:]]:
        counts = {effect.value: 0 for effect in RegisterEffect}
        door = replace(command_line, units=units)  # type: ignore[arg-type]
        assert _load_batch(door, _mapped(batch, None, door.matcher), counts) == []
    assert became(units, same_number=case.same_number) in case.allowed
