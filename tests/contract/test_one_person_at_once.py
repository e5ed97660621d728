"""The same new person from eight callers at once is one person, on every database and through every door."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.permissions import Role
from mpi.errors import MergeRefused, StaleDecision, UnknownIdentifier
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.units import carry_out
from tests.builders import Index, person, pid
from tests.contract.stores import Store
from tests.contract.test_unit_of_work_concurrency import in_threads
from tests.fhir_door import FHIR_JSON, patient
from tests.hl7_door import Door, converse
from tests.integration.hub_world import Hub, answering

CALLERS, ROUNDS, ROUNDS_PER_DOOR = 8, 25, 5
SITES = tuple(f"S{n}" for n in range(CALLERS))
AUTHORITIES = AuthorityRegistry.of(*map(AssigningAuthority, SITES), AssigningAuthority("NATID", strong=True))


def somebody(number: int) -> Demographics:
    """Somebody new in every round, nobody's namesake."""
    family = ("Abara", "Bellweather", "Castellano", "Dunmore", "Eriksdotter")[number % 5] + chr(97 + number) * 2
    return person(
        family, "Ines", middle="Q", born=f"19{40 + number}-0{1 + number % 9}-1{number % 9}", sex="F",
        phone=f"202-555-{1000 + number}", street=f"{number} Mill Road", city="Harlow", postal_code=f"00{100 + number}",
    )  # fmt: skip


def sloppier(said: Demographics, caller: int) -> Demographics:
    """Not every caller knows as much."""
    match caller % 4:
        case 1:
            return replace(said, name=replace(said.name, middle=""))
        case 2:
            return replace(said, name=replace(said.name, family=said.name.family.upper()))
        case 3:
            return replace(said, address=person().address)
    return said


def persons_of(store: Store, identifiers: list[PatientIdentifier]) -> set[str | None]:
    with store.begin() as unit:
        found = unit.records.get_many(identifiers)
    assert len(found) == len(set(identifiers))
    return {record.enterprise_id for record in found.values()}


def test_eight_callers_with_numbers_of_their_own_make_one_person_in_each_of_25_rounds(sql_store: Store) -> None:
    index = Index(sql_store.begin, authorities=AUTHORITIES)  # type: ignore[arg-type]
    for number in range(ROUNDS):
        said = somebody(number)
        results = in_threads(CALLERS, lambda n, r=number, s=said: index.register(f"{SITES[n]}|{r}", as_=sloppier(s, n)))
        failed = [error for error in results if isinstance(error, BaseException)]
        assert not failed, failed
        assert len(persons_of(sql_store, [pid(f"{site}|{number}") for site in SITES])) == 1
    with sql_store.begin() as unit:
        assert unit.records.person_count() == ROUNDS


def test_eight_callers_with_the_same_number_make_one_record_in_each_of_25_rounds(sql_store: Store) -> None:
    index = Index(sql_store.begin, authorities=AUTHORITIES)  # type: ignore[arg-type]
    for number in range(ROUNDS):
        said = somebody(number)
        outcomes = in_threads(
            CALLERS, lambda _, r=number, s=said: index.register(f"S0|{r}", f"NATID|{r}", as_=s).enterprise_id
        )
        assert len(set(outcomes)) == 1, outcomes
    with sql_store.begin() as unit:
        assert unit.records.person_count() == ROUNDS


ADT = (
    "MSH|^~\\&|REG|{site}|HUB|HUB|20260310115900||ADT^A04|{site}-{number}|P|2.5\r"
    "EVN|A04|20260310115900\r"
    "PID|1||{number}^^^{site}^MR||{family}^Ines^Q||{born}|F|||{number} Mill Road^^Harlow^^00100||202-555-0134\r"
)


def test_eight_senders_over_mllp_make_one_person(sql_store: Store) -> None:
    door = Door(sql_store.begin, authorities=AUTHORITIES)  # type: ignore[arg-type]

    def message(site: str, number: int) -> bytes:
        born = f"19{40 + number}0312"
        text = ADT.format(site=site, number=number, family=somebody(number).name.family, born=born)
        return b"\x0b" + text.encode() + b"\x1c\r"

    async def rounds() -> None:
        async with door.listening() as listener:
            for number in range(ROUNDS_PER_DOOR):
                talks = [converse(listener.port, message(site, number), answers=1) for site in SITES]
                for acks in await asyncio.gather(*talks):
                    assert [ack.code for ack in acks] == ["AA"]

    asyncio.run(rounds())
    for number in range(ROUNDS_PER_DOOR):
        assert len(persons_of(sql_store, [pid(f"{site}|{number}") for site in SITES])) == 1


def test_eight_callers_over_fhir_make_one_person(sql_store: Store) -> None:
    hub = Hub(answering("S0"), units=sql_store.begin, authorities=AUTHORITIES)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {hub.issuer.token(Role.RECORDS)}", "Content-Type": FHIR_JSON}

    async def rounds() -> None:
        for number in range(ROUNDS_PER_DOOR):
            said = {
                "name": [{"family": somebody(number).name.family, "given": ["Ines"]}],
                "birthDate": f"19{40 + number}-03-12",
                "telecom": [{"system": "phone", "value": f"202-555-{1000 + number}"}],
                "address": None,
            }
            bodies = [json.dumps(patient(f"{site}|{number}", **said)) for site in SITES]
            posts = [hub._request("POST", "/fhir/Patient", {"content": b, "headers": headers}) for b in bodies]
            answers = await asyncio.gather(*posts)
            assert [answer.status_code for answer in answers] == [201] * CALLERS, answers[0].text
            assert len({answer.headers["location"] for answer in answers}) == 1

    asyncio.run(rounds())
    with sql_store.begin() as unit:
        assert unit.records.person_count() == ROUNDS_PER_DOOR


LINK = """mutation($l: PatientIdentifierInput!, $r: PatientIdentifierInput!, $seen: [String!]!) {
  linkRecords(left: $l, right: $r, expectedVersions: $seen) { __typename }
}"""


def test_of_eight_of_the_staff_who_link_the_same_two_at_once_one_does_and_the_others_see_it(sql_store: Store) -> None:
    hub = Hub(answering("S0"), units=sql_store.begin, authorities=AUTHORITIES)  # type: ignore[arg-type]
    for site, number in (("S0", 1), ("S1", 6)):
        hub.index.register(f"{site}|1", as_=somebody(number))
    left, right = ({"assigningAuthority": site, "localPatientId": "1"} for site in ("S0", "S1"))
    seen = [hub.run("Person", Role.RECORDS, patient=patient)["version"] for patient in (left, right)]
    body = {"query": LINK, "variables": {"l": left, "r": right, "seen": seen}}
    headers = {"Authorization": f"Bearer {hub.issuer.token(Role.RECORDS)}"}

    async def all_at_once() -> list[str]:
        posts = [hub._request("POST", "/graphql", {"json": body, "headers": headers}) for _ in range(CALLERS)]
        return [answer.json()["data"]["linkRecords"]["__typename"] for answer in await asyncio.gather(*posts)]

    assert sorted(asyncio.run(all_at_once())) == ["IdentityDecided", *["StalePersons"] * (CALLERS - 1)]
    assert hub.run("IdentityDecisions", Role.RECORDS, patient=left)["totalCount"] == 1


# Many callers about people who have to do with each other


def test_neighbourhoods_that_overlap_never_stand_in_each_others_way_for_good(sql_store: Store) -> None:
    """Registrations, merges and decisions of staff about one family at once: each is carried out or refused."""
    index = Index(sql_store.begin, authorities=AUTHORITIES)  # type: ignore[arg-type]
    ana = somebody(1)
    family = [ana, sloppier(ana, 1), replace(ana, name=replace(ana.name, given="Inez", middle="R")), somebody(6)]
    numbers = [f"{site}|{n}" for site in SITES[:3] for n in range(3)]
    expected = (MergeRefused, StaleDecision, UnknownIdentifier)

    def work(caller: int) -> int:
        choose, done = random.Random(caller), 0
        for _ in range(12):
            moves: list[Callable[[], object]] = [
                lambda: index.register(choose.choice(numbers), as_=choose.choice(family)),
                lambda: index.register(*choose.sample(numbers, 2), as_=choose.choice(family)),
                lambda: index.link(*choose.sample(numbers, 2)),
                lambda: index.unlink(choose.choice(numbers)),
                lambda: index.merge(survivor="S0|0", subsumed=choose.choice(("S0|1", "S0|2"))),
            ]
            try:
                choose.choice(moves)()
                done += 1
            except expected:
                continue
        return done

    results = in_threads(CALLERS, work)
    assert all(isinstance(done, int) and done > 0 for done in results), results
    assert_whole(sql_store, numbers)


def assert_whole(store: Store, numbers: list[str]) -> None:
    """Each active record is in one person, and every person in the index is found from its records."""
    with store.begin() as unit:
        records: dict[PatientIdentifier, SourceRecord] = unit.records.get_many([pid(n) for n in numbers])
        active = [r for r in records.values() if r.is_active]
        assert active
        for record in active:
            assert record.enterprise_id is not None
            assert record in unit.records.of_person(record.enterprise_id)
        assert unit.records.person_count() == len({r.enterprise_id for r in active})
        for said in unit.reviews.never_links_of(list(records)):
            persons = [records[i].enterprise_id for i in (said.left, said.right) if i in records]
            assert len(persons) < 2 or persons[0] is None or persons[0] != persons[1]


@pytest.mark.parametrize("first", [0, 1])
def test_two_units_that_want_each_others_keys_both_end(sql_store: Store, first: int) -> None:
    """Each locks one key, then wants the other's: one gives way and begins again. Neither waits for the other."""
    order = [["left", "right"], ["right", "left"]]
    began: list[int] = []

    def work(number: int) -> int:
        def take(unit: object) -> int:
            for key in order[(number + first) % 2]:
                unit.lock([key])  # type: ignore[attr-defined]
                began.append(number)
            unit.commit()  # type: ignore[attr-defined]
            return number

        for _ in range(50):
            carry_out(sql_store.begin, take)
        return number

    assert sorted(in_threads(2, work), key=str) == [0, 1]
