"""Short ways to build domain objects in tests. All people are invented."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from itertools import count
from typing import TypeVar

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork, memory_unit_of_work_factory
from mpi.audit import AuditEvent, AuditSearch
from mpi.identity.decisions import Decision
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry, EnterpriseId, PatientIdentifier
from mpi.identity.review import ReviewItem
from mpi.identity.updates import DemographicsUpdate
from mpi.matching.match_model import default_model
from mpi.ports import UnitOfWork
from mpi.units import carry_out
from mpi.usecases.apply_link import ApplyLink, apply_link
from mpi.usecases.apply_merge import ApplyMerge, apply_merge
from mpi.usecases.apply_unlink import ApplyUnlink, apply_unlink
from mpi.usecases.decide_review import DecideReview, decide_review
from mpi.usecases.hold_record import HoldRecord, ReleaseRecord, hold_record, release_record
from mpi.usecases.link_persons import LinkPersons, link_persons
from mpi.usecases.matcher import Matcher
from mpi.usecases.merge_persons import MergePersons, merge_persons
from mpi.usecases.register_record import RegisterOutcome, RegisterRecord, register_record
from mpi.usecases.resolve_identity import ResolvedIdentity, resolve_identity
from mpi.usecases.retire_record import RetireRecord, retire_record
from mpi.usecases.say_different import SayDifferent, say_different
from mpi.usecases.split_person import SplitPerson, split_person
from mpi.usecases.undo_decision import UndoDecision, undo_decision
from mpi.usecases.unlink_record import UnlinkRecord, unlink_record

T = TypeVar("T")

NOON = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)

AUTHORITIES = AuthorityRegistry.of(
    AssigningAuthority("NGH"),
    AssigningAuthority("LKM"),
    AssigningAuthority("RDI"),
    AssigningAuthority("NATID", oid="2.999.1.9", strong=True),
)


def pid(text: str) -> PatientIdentifier:
    """``AUTHORITY|number``."""
    return PatientIdentifier.parse(text)


def person(
    family: str = "",
    given: str = "",
    *,
    born: str = "",
    sex: str = "",
    middle: str = "",
    suffix: str = "",
    phone: str = "",
    street: str = "",
    city: str = "",
    postal_code: str = "",
    ssn_last4: str = "",
    aliases: tuple[PersonName, ...] = (),
) -> Demographics:
    """Demographics in one line."""
    return Demographics(
        name=PersonName(family=family, given=given, middle=middle, suffix=suffix),
        aliases=aliases,
        birth_date=PartialDate.parse(born) if born else None,
        sex=AdministrativeSex(sex) if sex else None,
        address=PostalAddress(street, city, postal_code),
        phones=(phone,) if phone else (),
        ssn_last4=ssn_last4,
    )


class Index:
    """A master patient index in memory that is spoken to in one line, each call one transaction."""

    def __init__(
        self, units: Callable[[], MemoryUnitOfWork] | None = None, *, authorities: AuthorityRegistry = AUTHORITIES
    ) -> None:
        self.store = MemoryStore()
        self.units = units or memory_unit_of_work_factory(self.store)
        self.matcher = Matcher(default_model(), authorities)
        self._ids: Iterator[int] = count(1)
        self._seconds: Iterator[int] = count()

    def clock(self) -> dt.datetime:
        return NOON + dt.timedelta(seconds=next(self._seconds))

    def new_id(self) -> str:
        return f"id-{next(self._ids):05d}"

    def register(
        self, *identifiers: str, as_: Demographics, at: dt.datetime | None = None, deleted: frozenset[str] = frozenset()
    ) -> RegisterOutcome:
        ids = tuple(pid(i) for i in identifiers)
        command = RegisterRecord(
            site_id=ids[0].assigning_authority,
            identifiers=ids,
            update=DemographicsUpdate(as_, deleted),
            event_at=at or self.clock(),
            source="test",
            own_authority=ids[0].assigning_authority,
        )
        return self.act(register_record, command)

    def merge(self, *, survivor: str, subsumed: str) -> str:
        command = ApplyMerge("NGH", pid(survivor), pid(subsumed), self.clock(), "test")
        return self.act(apply_merge, command).value

    def priority_of(self, review_item_id: str) -> int:
        return self._item(review_item_id).priority

    def _item(self, review_item_id: str) -> ReviewItem:
        with self.units() as uow:
            item = uow.reviews.get(review_item_id)
        assert item is not None
        return item

    def decide(self, review_item_id: str, decision: str, *, version: int | None = None) -> None:
        """On the version that it has now, unless told otherwise."""
        from mpi.identity.review import ReviewDecision

        version = version or self._item(review_item_id).version
        command = DecideReview(review_item_id, version, ReviewDecision(decision), "clerk-1", "looked at both")
        self.act(decide_review, command)

    def act(self, use_case: Callable[..., T], command: object) -> T:
        """Carry out any use case that takes a command and the four ports, in a transaction of its own."""

        def work(uow: MemoryUnitOfWork) -> T:
            outcome = use_case(command, uow=uow, matcher=self.matcher, clock=self.clock, new_id=self.new_id)
            uow.commit()
            return outcome

        return carry_out(self.units, work)

    def link(self, left: str, right: str) -> Decision:
        return self.act(link_persons, LinkPersons(pid(left), pid(right), "clerk-1"))

    def unlink(self, identifier: str) -> Decision:
        return self.act(unlink_record, UnlinkRecord(pid(identifier), "clerk-1"))

    def different(self, left: str, right: str) -> Decision:
        return self.act(say_different, SayDifferent(pid(left), pid(right), "clerk-1"))

    def hold(self, identifier: str) -> Decision:
        return self.act(hold_record, HoldRecord(pid(identifier), "clerk-1", "two voices"))

    def release(self, identifier: str) -> Decision:
        return self.act(release_record, ReleaseRecord(pid(identifier), "clerk-2", "one voice"))

    def split(self, of: str, *leaving: str) -> Decision:
        person = EnterpriseId(self.person_of(of))
        return self.act(split_person, SplitPerson(person, tuple(map(pid, leaving)), "clerk-1"))

    def merge_persons(self, survivor: str, subsumed: str) -> Decision:
        survivor, subsumed = self.person_of(survivor), self.person_of(subsumed)
        return self.act(merge_persons, MergePersons(EnterpriseId(survivor), EnterpriseId(subsumed), "clerk-1"))

    def undo(self, decision: Decision) -> Decision:
        return self.act(undo_decision, UndoDecision(decision.decision_id, "clerk-2"))

    def a24(self, left: str, right: str) -> str:
        return self.act(apply_link, ApplyLink(pid(left), pid(right), self.clock(), "hl7:A24 test")).value

    def a37(self, left: str, right: str) -> str:
        return self.act(apply_unlink, ApplyUnlink(pid(left), pid(right), self.clock(), "hl7:A37 test")).value

    def a29(self, identifier: str) -> None:
        self.act(retire_record, RetireRecord(pid(identifier), self.clock(), "hl7:A29 test"))

    def are_one(self, *identifiers: str) -> bool:
        return len({self.person_of(i) for i in identifiers}) == 1

    def resolve(self, identifier: str) -> ResolvedIdentity:
        with self.units() as uow:
            return resolve_identity(pid(identifier), uow=uow)

    def person_of(self, identifier: str) -> str:
        return self.resolve(identifier).enterprise_id

    def open_items(self) -> list[tuple[str, str, str, str]]:
        """(id, kind, left, right) of the queue."""
        with self.units() as uow:
            page = uow.reviews.open_page(kinds=None, offset=0, limit=100)
        return [(i.review_item_id, i.kind.value, str(i.left), str(i.right)) for i in page.items]


def newest_events(uow: UnitOfWork, *, limit: int) -> tuple[AuditEvent, ...]:
    """The audit log's newest entries, newest first."""
    return tuple(kept.event for kept in uow.audit.search(AuditSearch(), before=None, limit=limit))
