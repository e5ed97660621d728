"""What is found when all hospitals are asked at once, in the words of a physician's order."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import pytest

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from federation.errors import SourceError, SourceTimedOut, SourceUnavailable, UnknownSite
from federation.imaging.assessment import Tier
from federation.imaging.orders import ImagingOrder
from federation.imaging.procedures import Contrast, Laterality, Modality, Procedure
from federation.imaging.rule_set import default_rule_set
from federation.imaging.studies import SiteStudy, StudyStart
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.coverage import CoverageState
from federation.sites.directory import SiteDirectory
from federation.sites.site import Site, SiteId
from federation.usecases.check_order import CheckedOrder, check_order
from federation.usecases.imaging_history import PersonHistory, imaging_history
from federation.usecases.reassess_alerts import reassess_alerts
from mpi.errors import UnknownIdentifier
from mpi.identity.demographics import PartialDate, PersonName
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.usecases.raise_urgency import AN_ORDER_WAITS
from tests.builders import NOON, Index, person, pid

CT_ABDOMEN = Procedure(Modality.CT, frozenset({"ABDOMEN", "PELVIS"}), Laterality.NONE, Contrast.WITH)
ANA = person("Arroyo", "Ana", born="1984-03-12", sex="F", phone="202-555-0134", ssn_last4="4821")


def study(uid: str, site: str, patient: str, *, days_ago: float = 3, name: PersonName | None = None,
          modalities: tuple[str, ...] = ("CT", "SR")) -> SiteStudy:  # fmt: skip
    instant = NOON - dt.timedelta(days=days_ago)
    return SiteStudy(
        site_id=SiteId(site),
        study_instance_uid=uid,
        patient_identifier=pid(patient),
        started=StudyStart(instant.date(), instant),
        modalities=modalities,
        description="CT ABD/PELVIS W CONTRAST",
        images_available=True,
        patient_name=name or PersonName("ARROYO", "ANA"),
        birth_date=PartialDate(1984, 3, 12),
    )


class FakeSource:
    """A source that answers by a function, so that a test can let it answer, fail or hang."""

    protocol = "fake"

    def __init__(self, site_id: str, answer: Callable[[PatientIdentifier], Awaitable[SiteAnswer]]) -> None:
        self.site_id = SiteId(site_id)
        self.asked: list[PatientIdentifier] = []
        self._answer = answer

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        self.asked.append(identifier)
        return await self._answer(identifier)

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        return SiteProbe(self.site_id, ok=True, latency_ms=0)

    async def aclose(self) -> None:
        return None


def holding(site_id: str, studies: Iterable[SiteStudy], *, is_complete: bool = True) -> FakeSource:
    rows = tuple(studies)

    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        return SiteAnswer(tuple(s for s in rows if s.patient_identifier == identifier), is_complete=is_complete)

    return FakeSource(site_id, answer)


def failing(site_id: str, error: SourceError | Exception) -> FakeSource:
    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        raise error

    return FakeSource(site_id, answer)


def hanging(site_id: str) -> FakeSource:
    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets")

    return FakeSource(site_id, answer)


class World:
    """An index with people, and hospitals with archives."""

    def __init__(self, *sources: FakeSource) -> None:
        self.store = MemoryStore()
        self.index = Index(self.units)
        sites = [
            Site(SiteId(name), f"{name} Hospital", name, sr_means_final_report=True) for name in ("NGH", "LKM", "RDI")
        ]
        self.directory = SiteDirectory({s.site_id: s for s in sites}, {s.site_id: s for s in sources})

    def units(self) -> MemoryUnitOfWork:
        return MemoryUnitOfWork(self.store)

    def history(self, patient: str | EnterpriseId, *, deadline_seconds: float = 0.3) -> PersonHistory:
        who = pid(patient) if "|" in patient else EnterpriseId(patient)
        return asyncio.run(
            imaging_history(who, read=self.units, directory=self.directory, procedure_of=lambda s: CT_ABDOMEN,
                            deadline_seconds=deadline_seconds, clock=self.index.clock)
        )  # fmt: skip

    def check(self, patient: str, *, site: str = "NGH", deadline_seconds: float = 0.3) -> CheckedOrder:
        order = ImagingOrder(pid(patient), SiteId(site), NOON, CT_ABDOMEN)
        return asyncio.run(
            check_order(order, checked_by="physician-1", units=self.units, read=self.units, directory=self.directory,
                        procedure_of=lambda s: CT_ABDOMEN, rules=default_rule_set(),
                        deadline_seconds=deadline_seconds, clock=self.index.clock, new_id=self.index.new_id)
        )  # fmt: skip

    def reassess(self, *persons: str) -> int:
        return asyncio.run(
            reassess_alerts([EnterpriseId(p) for p in persons], units=self.units, read=self.units,
                            directory=self.directory, procedure_of=lambda s: CT_ABDOMEN, rules=default_rule_set(),
                            deadline_seconds=0.3, clock=lambda: NOON)
        )  # fmt: skip


def states(history: PersonHistory) -> dict[str, CoverageState]:
    return {c.site_id: c.state for c in history.history.coverage.sites}


def test_a_recent_equivalent_scan_elsewhere_interrupts_the_order() -> None:
    world = World(holding("NGH", []), holding("LKM", [study("2.999.1", "LKM", "LKM|9")]))
    world.index.register("NGH|1", as_=ANA)
    world.index.register("LKM|9", as_=replace(ANA, name=replace(ANA.name, family="Whitlock")))
    checked = world.check("NGH|1")
    assert checked.check.assessment.tier is Tier.INTERRUPTIVE
    assert checked.check.assessment.best_prior_id == "2.999.1"
    assert checked.check.coverage.is_complete
    with world.units() as uow:
        assert uow.order_checks.newest(checked.check.check_id) == checked.check


def test_one_study_at_two_hospitals_is_one_study_with_two_locations() -> None:
    both = [study("2.999.1", "LKM", "LKM|9"), study("2.999.1", "NGH", "NGH|1", modalities=("CT",))]
    world = World(holding("NGH", both[1:]), holding("LKM", both[:1]))
    world.index.register("NGH|1", as_=ANA)
    world.index.register("LKM|9", as_=ANA)
    (found,) = world.history("NGH|1").history.studies
    assert [location.site_id for location in found.locations] == ["LKM", "NGH"]
    assert found.modalities == ("CT", "SR")


def test_an_import_with_a_new_uid_is_flagged_and_neither_merged_nor_judged_differently() -> None:
    original, imported = study("2.999.1", "LKM", "LKM|9"), study("2.999.8", "RDI", "RDI|4")
    world = World(holding("LKM", [original]), holding("RDI", [imported]))
    for number in ("NGH|1", "LKM|9", "RDI|4"):
        world.index.register(number, as_=ANA)
    found = world.history("NGH|1").history.studies
    assert [(s.study_instance_uid, s.probable_copies) for s in found] == [
        ("2.999.1", ("2.999.8",)),
        ("2.999.8", ("2.999.1",)),
    ]
    verdicts = world.check("NGH|1").check.assessment.verdicts
    assert [(v.prior_id, v.tier) for v in verdicts] == [
        ("2.999.1", Tier.INTERRUPTIVE),
        ("2.999.8", Tier.INTERRUPTIVE),
    ]


def test_each_hospital_is_asked_only_by_its_own_numbers() -> None:
    ngh, lkm = holding("NGH", []), holding("LKM", [])
    world = World(ngh, lkm)
    world.index.register("NGH|1", as_=ANA)
    history = world.history("NGH|1")
    assert ngh.asked == [pid("NGH|1")]
    assert lkm.asked == []
    assert states(history) == {"NGH": CoverageState.ANSWERED, "LKM": CoverageState.SKIPPED}
    assert history.history.coverage.is_complete


def test_a_number_merged_away_is_asked_for_too() -> None:
    ngh = holding("NGH", [study("2.999.5", "NGH", "NGH|2")])
    world = World(ngh)
    world.index.register("NGH|1", as_=ANA)
    world.index.register("NGH|2", as_=ANA)
    world.index.merge(survivor="NGH|1", subsumed="NGH|2")
    history = world.history("NGH|1")
    assert set(ngh.asked) == {pid("NGH|1"), pid("NGH|2")}
    assert [s.study_instance_uid for s in history.history.studies] == ["2.999.5"]


def test_a_hospital_that_hangs_does_not_delay_and_is_named() -> None:
    world = World(hanging("NGH"), holding("LKM", [study("2.999.1", "LKM", "LKM|9")]))
    world.index.register("NGH|1", as_=ANA)
    world.index.register("LKM|9", as_=ANA)
    history = world.history("NGH|1", deadline_seconds=0.1)
    assert states(history) == {"LKM": CoverageState.ANSWERED, "NGH": CoverageState.TIMED_OUT}
    assert len(history.history.studies) == 1
    assert not history.history.coverage.is_complete


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (SourceUnavailable("connection_refused"), CoverageState.FAILED, "connection_refused"),
        (SourceTimedOut("deadline"), CoverageState.TIMED_OUT, "deadline"),
        (RuntimeError("a bug in a source"), CoverageState.FAILED, "internal_error"),
    ],
)
def test_a_failure_is_never_an_empty_answer(error: Exception, state: CoverageState, reason: str) -> None:
    world = World(failing("NGH", error), holding("LKM", []))
    world.index.register("NGH|1", as_=ANA)
    world.index.register("LKM|9", as_=ANA)
    history = world.history("NGH|1")
    failed = next(c for c in history.history.coverage.sites if c.site_id == "NGH")
    assert (failed.state, failed.reason) == (state, reason)
    assert not history.history.coverage.is_complete


def test_a_list_that_may_be_cut_is_shown_and_said_to_be_partial() -> None:
    world = World(holding("NGH", [study("2.999.1", "NGH", "NGH|1")], is_complete=False))
    world.index.register("NGH|1", as_=ANA)
    history = world.history("NGH|1")
    assert states(history) == {"NGH": CoverageState.PARTIAL}
    assert len(history.history.studies) == 1
    assert not history.history.coverage.is_complete


def test_a_strangers_study_under_the_patients_number_is_set_apart_and_counted() -> None:
    mine = study("2.999.1", "NGH", "NGH|1")
    strange = study("2.999.2", "NGH", "NGH|1", name=PersonName("OKAFOR", "BAYO"))
    world = World(holding("NGH", [mine, strange]))
    world.index.register("NGH|1", as_=ANA)
    history = world.history("NGH|1")
    assert [s.study_instance_uid for s in history.history.studies] == ["2.999.1"]
    assert history.history.coverage.sites[0].set_apart_count == 1


def test_an_identity_under_review_neither_raises_nor_silences_an_alert() -> None:
    world = World(holding("NGH", []), holding("LKM", [study("2.999.1", "LKM", "LKM|9")]))
    world.index.register("NGH|1", as_=ANA)
    outcome = world.index.register("LKM|9", as_=replace(ANA, ssn_last4="7310", phones=()))
    first = world.check("NGH|1")
    assert first.check.assessment.tier is Tier.NONE
    assert first.check.identity_under_review
    assert first.history.studies == ()
    assert world.index.priority_of(outcome.review_item_ids[0]) == AN_ORDER_WAITS
    world.index.decide(outcome.review_item_ids[0], "same")
    again = world.check("NGH|1")
    assert again.check.assessment.tier is Tier.INTERRUPTIVE
    assert not again.check.identity_under_review


def test_a_decision_by_staff_revises_the_alert_of_the_day_once() -> None:
    world = World(holding("NGH", []), holding("LKM", [study("2.999.1", "LKM", "LKM|9")]))
    world.index.register("NGH|1", as_=ANA)
    outcome = world.index.register("LKM|9", as_=replace(ANA, ssn_last4="7310", phones=()))
    checked = world.check("NGH|1")
    world.index.decide(outcome.review_item_ids[0], "same")
    person_id = world.index.person_of("NGH|1")
    assert world.reassess(person_id, checked.identity.enterprise_id) == 1
    assert world.reassess(person_id, checked.identity.enterprise_id) == 0
    with world.units() as uow:
        newest = uow.order_checks.newest(checked.check.check_id)
    assert newest is not None
    assert (newest.revision, newest.assessment.tier) == (2, Tier.INTERRUPTIVE)


def test_a_hospital_that_is_down_cannot_withdraw_an_alert() -> None:
    world = World(holding("NGH", []), holding("LKM", [study("2.999.1", "LKM", "LKM|9")]))
    world.index.register("NGH|1", as_=ANA)
    world.index.register("LKM|9", as_=ANA)
    checked = world.check("NGH|1")
    down = failing("LKM", SourceUnavailable("connection_refused"))
    world.directory = SiteDirectory(world.directory.sites, {**world.directory.sources, SiteId("LKM"): down})
    assert world.reassess(checked.identity.enterprise_id) == 0
    with world.units() as uow:
        newest = uow.order_checks.newest(checked.check.check_id)
    assert newest is not None
    assert newest.assessment.tier is Tier.INTERRUPTIVE


def test_an_unknown_patient_and_an_unknown_site_are_said_so() -> None:
    world = World(holding("NGH", []))
    world.index.register("NGH|1", as_=ANA)
    with pytest.raises(UnknownIdentifier):
        world.history("NGH|404")
    with pytest.raises(UnknownSite):
        world.check("NGH|1", site="ELSEWHERE")
