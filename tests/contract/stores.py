"""The stores that the unit of work's contract is run over, and invented rows to put in."""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass

import sqlalchemy as sa

from federation.imaging.assessment import DuplicateAssessment, FiredRule, PriorVerdict, Relation, Tier
from federation.imaging.order_checks import OrderCheck
from federation.imaging.orders import ClinicalFlag, ImagingOrder
from federation.imaging.procedures import Contrast, Evidence, Laterality, Modality, Procedure, ProcedureFlag
from federation.ports import UnitOfWork
from federation.sites.coverage import Coverage, CoverageState, SiteCoverage
from federation.sites.site import SiteId
from mpi.audit import AuditEvent, AuditOutcome
from mpi.events import IdentityChange, PersonChanged
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, LinkSource, MatchGrade, PersonLink, SourceRecord
from mpi.identity.review import EvidenceLine, ReviewItem, ReviewKind

NOW = dt.datetime(2026, 3, 2, 10, 15, 30, 123456, tzinfo=dt.timezone(dt.timedelta(hours=2)))


@dataclass(frozen=True, slots=True)
class Store:
    """One implementation. ``refusals`` are what it raises for a write it does not take."""

    begin: Callable[[], UnitOfWork]
    begin_reading: Callable[[], UnitOfWork]
    refusals: tuple[type[Exception], ...]
    not_open: type[Exception]
    engine: sa.Engine | None = None


def later(**how_much: float) -> dt.datetime:
    return NOW + dt.timedelta(**how_much)


def an_identifier(number: str = "1001", authority: str = "NORTH") -> PatientIdentifier:
    return PatientIdentifier(authority, number)


def everything_said() -> Demographics:
    """Demographics with a value in every field."""
    return Demographics(
        name=PersonName("Ødegård-Żak", "Çağla", "José", "Dr", "III", "L"),
        aliases=(PersonName("李", "小龍"), PersonName(family="O'Hara")),
        birth_date=PartialDate(1984, 3),
        birth_date_sent="198403",
        sex=AdministrativeSex.OTHER,
        address=PostalAddress("4 Ceder Lane", "Østby", "00417"),
        phones=("+47 555 01 23", "0"),
        ssn_last4="0042",
        national_id="X-77",
    )


def a_record(
    number: str = "1001", *, person: str = "E-1", authority: str = "NORTH", said: Demographics | None = None
) -> SourceRecord:
    return SourceRecord(
        identifier=an_identifier(number, authority),
        site_id="north",
        demographics=Demographics(name=PersonName("Invented", "Ida")) if said is None else said,
        demographics_at=NOW,
        link=PersonLink(
            EnterpriseId(person), LinkSource.AUTO, MatchGrade.CERTAIN, NOW, match_weight=17.25, model_version="m-1"
        ),
        asserted_identifiers=(an_identifier("NI-5", "NATIONAL"),),
    )


def an_item(
    item_id: str = "R-1", *, left: str = "1001", right: str = "2002", priority: int = 0, score: float | None = 4.5
) -> ReviewItem:
    return ReviewItem(
        review_item_id=item_id,
        kind=ReviewKind.POSSIBLE_MATCH,
        left=an_identifier(left),
        right=an_identifier(right, "SOUTH"),
        opened_at=NOW,
        source="hl7:A04",
        priority=priority,
        score=score,
        match_probability=0.875,
        model_version="m-1",
        evidence=(EvidenceLine("family_name", "exact", 9.5), EvidenceLine("birth_date", "differs", -5.0)),
        guards=("sex_differs",),
    )


def an_audit_event(action: str = "checkOrder", *, at: dt.datetime = NOW) -> AuditEvent:
    return AuditEvent(at, "dr-1", "physician", action, AuditOutcome.REFUSED, "E-1", "TREAT", "c-1", "no_token")


def a_history_entry(kind: str = "registered", *, at: dt.datetime = NOW) -> HistoryEntry:
    return HistoryEntry(
        an_identifier(), kind, at, "hl7:A04", EnterpriseId("E-1"), "first", everything_said(), frozenset({"phones"})
    )


def a_change(*persons: str) -> PersonChanged:
    return PersonChanged(IdentityChange.RECORD_MOVED, tuple(map(EnterpriseId, persons)), NOW)


def a_check(
    check_id: str = "C-1",
    revision: int = 1,
    *,
    number: str = "1001",
    person: str | None = "E-1",
    at: dt.datetime = NOW,
) -> OrderCheck:
    """An order check with a value in every field."""
    chest = Procedure(
        Modality.CT,
        frozenset({"CHEST", "ABDOMEN"}),
        Laterality.NONE,
        Contrast.WITH,
        "ANGIOGRAPHY",
        frozenset({ProcedureFlag.LOW_DOSE}),
        0.75,
        (Evidence("description", "thorax", "CHEST"),),
    )
    verdict = PriorVerdict("1.2.3", Tier.WARNING, Relation.PARTIAL, (FiredRule("D-2", "within the window"),), 3.5)
    return OrderCheck(
        check_id=check_id,
        revision=revision,
        order=ImagingOrder(
            an_identifier(number),
            SiteId("north"),
            NOW,
            chest,
            "CT thorax",
            "CTTH",
            "LOCAL",
            "P-9",
            frozenset({ClinicalFlag.ED_CONTEXT, ClinicalFlag.ACUTE_CHANGE}),
            frozenset({"1.2.9"}),
        ),
        enterprise_id=None if person is None else EnterpriseId(person),
        assessment=DuplicateAssessment(
            "dup-rules/1", Tier.WARNING, Relation.PARTIAL, verdict.rules, verdict, (verdict,)
        ),
        coverage=Coverage(
            (SiteCoverage(SiteId("north"), CoverageState.PARTIAL, 120, NOW, 4, 1, "deadline", ("bad_number",)),)
        ),
        identity_under_review=True,
        checked_at=at,
        checked_by="dr-1",
    )


def keep_records(store: Store, *records: SourceRecord, keys: Collection[str] = ()) -> None:
    with store.begin() as unit:
        for record in records:
            unit.records.save(record, blocking_keys=keys)
        unit.commit()
