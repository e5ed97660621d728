"""How many statements a page costs on a database: as many for one row as for many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from adapters.store.unit_of_work import unit_of_work_factory
from gateway.permissions import Role
from mpi.identity.review import ReviewKind
from mpi.usecases.open_review import open_review
from tests.builders import person, pid
from tests.integration.hub_world import ANA, Hub, answering, study

FAMILIES = ("Nakamura", "Okonkwo", "Petrov", "Quispe", "Rasmussen")


@contextmanager
def counted(engine: sa.Engine) -> Iterator[list[str]]:
    """The statements that are run inside."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


def test_a_page_of_the_queue_costs_the_same_for_one_item_and_for_five(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db")
    upgrade(engine)
    hub = Hub(answering("NGH"), units=unit_of_work_factory(engine))
    costs = []
    for number, family in enumerate(FAMILIES):
        hub.index.register(f"NGH|{number}", as_=person(family, "Bo", born=f"1961-07-1{number}", sex="M"))
        hub.index.register(f"LKM|{number}", as_=person(f"X{family[::-1]}", "Ida", born=f"199{number}-02-03", sex="F"))
        with hub.units() as uow:
            open_review(
                ReviewKind.POSSIBLE_MATCH, pid(f"NGH|{number}"), pid(f"LKM|{number}"),
                source="test", uow=uow, clock=hub.index.clock, new_id=hub.index.new_id,
            )  # fmt: skip
            uow.commit()
        with counted(engine) as statements:
            assert hub.run("ReviewQueue", Role.RECORDS)["totalCount"] == number + 1
        costs.append(len([s for s in statements if s.lstrip().upper().startswith("SELECT")]))
    assert len(set(costs)) == 1, costs
    assert costs[0] <= 4
    engine.dispose()


def test_a_history_of_200_studies_at_four_sites_takes_at_most_12_statements(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db")
    upgrade(engine)
    sites = ("NGH", "LKM", "RDI", "OTH")
    rows = {site: [study(f"2.999.{n}.{site_n}", f"{site}|7", days_ago=n) for n in range(50)]
            for site_n, site in enumerate(sites)}  # fmt: skip
    sources = [answering(site, rows[site]) for site in sites]
    hub = Hub(*sources, units=unit_of_work_factory(engine), sites=sites, deadline_seconds=10)
    for site in sites:
        hub.index.register(f"{site}|7", as_=ANA)
    assert hub.index.are_one(*(f"{site}|7" for site in sites))
    patient = {"assigningAuthority": "NGH", "localPatientId": "7"}
    for first in (1, 50, 100):
        with counted(engine) as statements:
            answer = hub.run("ImagingHistory", Role.PHYSICIAN, patient=patient, first=first)
        assert answer["studies"]["totalCount"] == 200
        assert len(answer["studies"]["edges"]) == first
        asked = [s for s in statements if not s.startswith(("PRAGMA", "BEGIN"))]
        assert len(asked) <= 12, asked
    engine.dispose()


@pytest.mark.parametrize(("operation", "most"), [("FieldHistory", 3), ("LastSeenStudies", 9)])
def test_the_past_of_one_person_costs_the_same_for_one_number_and_for_three(
    operation: str, most: int, tmp_path: Path
) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db")
    upgrade(engine)
    hub = Hub(answering("NGH"), units=unit_of_work_factory(engine))
    numbers = []
    costs = []
    for site in ("NGH", "LKM", "RDI"):
        hub.index.register(f"{site}|7", as_=ANA)
        numbers.append({"assigningAuthority": site, "localPatientId": "7"})
        with counted(engine) as statements:
            answer = hub.run(operation, Role.RECORDS, numbers=numbers)
        assert len(answer.get("records", answer.get("numbers", ()))) == len(numbers)
        costs.append(len([s for s in statements if s.lstrip().upper().startswith("SELECT")]))
    assert len(set(costs)) == 1, costs
    assert costs[0] <= most, costs
    engine.dispose()
