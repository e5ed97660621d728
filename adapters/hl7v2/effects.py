"""What each event does to the index: one function a route, inside a unit of work that the dispatcher commits.

Every function returns the enterprise id the message was about (``None``: nobody known) and raises ``FieldError`` when
the content is wrong; then nothing of it may be kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from adapters.hl7v2.errors import ErrorCode, FieldError, Location
from adapters.hl7v2.header import Header, Route
from adapters.hl7v2.identifiers import (
    Issuers,
    MergeNotPossible,
    MergePair,
    merge_pairs,
    patient_identifiers,
    require_pid,
    require_two_pids,
)
from adapters.hl7v2.mapping import demographics_update
from adapters.hl7v2.message import Message, Segment
from adapters.hl7v2.order_effect import NormalizeOrder, OrderSender, take_order, without_code_maps
from adapters.hl7v2.orders_mapping import patient_class, sent_orders
from federation.imaging.placed_orders import OrderStatus
from federation.ports import UnitOfWork
from federation.usecases.refresh_priors import ask_for_refresh
from mpi.errors import InvalidDemographics, MergeRefused, UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.merging import NO_EFFECT
from mpi.ports import Clock, NewId
from mpi.usecases.apply_link import ApplyLink, apply_link
from mpi.usecases.apply_merge import ApplyMerge, apply_merge
from mpi.usecases.apply_unlink import ApplyUnlink, apply_unlink
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.register_record import (
    RegisterEffect,
    RegisterOutcome,
    RegisterRecord,
    primary_identifier,
    register_record,
)
from mpi.usecases.retire_record import RetireRecord, retire_record

_EVENTS_ABOUT_NOBODY = frozenset({"A17", "A20"})
"""Two patients swap beds; a bed changes its state."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was read. ``source`` names door, event, sender and control id for history and review."""

    message: Message
    header: Header
    issuers: Issuers
    event_at: dt.datetime
    received_at: dt.datetime
    content_hash: str

    @property
    def source(self) -> str:
        return f"hl7:{self.header.event_name} {self.header.sender} {self.header.message_control_id}"


@dataclass(frozen=True, slots=True)
class Tools:
    """What use cases need beside the unit of work. ``refresh_events`` have the patient's archives asked."""

    matcher: Matcher
    clock: Clock
    new_id: NewId
    normalize_order: NormalizeOrder = without_code_maps
    refresh_events: frozenset[str] = frozenset()


Effect = Callable[[Received, UnitOfWork, Tools], EnterpriseId | None]


def register(received: Received, uow: UnitOfWork, tools: Tools) -> EnterpriseId | None:
    """A01, A04, A05, A08, A28, A31: what PID says of its patient, new or known."""
    pid = require_pid(received.message)
    identifiers = patient_identifiers(pid, received.issuers)
    subject = _register_pid(pid, identifiers, received, uow, tools)
    if subject is not None and received.header.trigger_event in tools.refresh_events:
        ask_for_refresh(subject, uow=uow, at=received.received_at)
    return subject


def visit(received: Received, uow: UnitOfWork, tools: Tools) -> EnterpriseId | None:
    """Events about the visit alone: demographics of a patient who is known, nothing else."""
    if received.header.trigger_event in _EVENTS_ABOUT_NOBODY:
        return None
    pid = require_pid(received.message)
    identifiers = patient_identifiers(pid, received.issuers)
    primary = primary_identifier(identifiers, received.issuers.own_authority, tools.matcher.authorities)
    known = follow_identifier(primary, uow=uow)
    if known is None or not known.is_active:
        return None
    return _register_pid(pid, identifiers, received, uow, tools)


def merge(received: Received, uow: UnitOfWork, tools: Tools) -> EnterpriseId | None:
    """A18, A34, A40, A47: every PID/MRG group, then what PID says of the survivor."""
    pairs = merge_pairs(received.message, received.issuers)
    _lock(uow, (i for pair in pairs for i in (pair.survivor, pair.subsumed)))
    subject: EnterpriseId | None = None
    said: set[int] = set()
    for pair in pairs:
        if _merge_one(pair, received, uow, tools) and pair.pid.sequence not in said:
            said.add(pair.pid.sequence)
            identifiers = patient_identifiers(pair.pid, received.issuers)
            _register_pid(pair.pid, identifiers, received, uow, tools)
        survivor = follow_identifier(pair.survivor, uow=uow)
        subject = subject or (survivor.enterprise_id if survivor is not None else None)
    return subject


def link(received: Received, uow: UnitOfWork, tools: Tools) -> EnterpriseId | None:
    """A24: two numbers are one patient, both stay in use. Demographics count only where a number is new."""
    pids = require_two_pids(received.message)
    left, right = _two_numbers(pids, received, tools)
    _lock(uow, (left, right))
    for pid, number in zip(pids, (left, right), strict=True):
        known = follow_identifier(number, uow=uow)
        if known is None or (not known.is_active and known.surviving_identifier is not None):
            _register_pid(pid, patient_identifiers(pid, received.issuers), received, uow, tools)
    command = ApplyLink(left, right, received.event_at, received.source)
    try:
        apply_link(command, uow=uow, matcher=tools.matcher, clock=tools.clock, new_id=tools.new_id)
    except MergeRefused as refused:
        raise FieldError(Location("PID", 3, 2), ErrorCode.DUPLICATE_KEY, str(refused)) from refused
    except UnknownIdentifier as error:
        raise FieldError(Location("PID", 3), ErrorCode.UNKNOWN_KEY, "a patient identifier was retired") from error
    return _person_of(left, uow)


def unlink(received: Received, uow: UnitOfWork, tools: Tools) -> EnterpriseId | None:
    """A37: two numbers are two patients, for good. Makes nobody."""
    left, right = _two_numbers(require_two_pids(received.message), received, tools)
    _lock(uow, (left, right))
    command = ApplyUnlink(left, right, received.event_at, received.source)
    try:
        apply_unlink(command, uow=uow, matcher=tools.matcher, clock=tools.clock, new_id=tools.new_id)
    except MergeRefused as refused:
        raise FieldError(Location("PID", 3, 2), ErrorCode.DUPLICATE_KEY, str(refused)) from refused
    return _person_of(left, uow) or _person_of(right, uow)


def retire(received: Received, uow: UnitOfWork, tools: Tools) -> EnterpriseId | None:
    """A29: the number is used no more; nobody takes its place."""
    pid = require_pid(received.message)
    identifiers = patient_identifiers(pid, received.issuers)
    number = primary_identifier(identifiers, received.issuers.own_authority, tools.matcher.authorities)
    command = RetireRecord(number, received.event_at, received.source)
    return retire_record(command, uow=uow, matcher=tools.matcher, clock=tools.clock, new_id=tools.new_id)


def order(received: Received, uow: UnitOfWork, tools: Tools) -> EnterpriseId | None:
    """ORM, OMI, OMG: what PID says of its patient, then each order."""
    return _take_orders(received, uow, tools, is_result=False)


def result(received: Received, uow: UnitOfWork, tools: Tools) -> EnterpriseId | None:
    """ORU: what PID says of its patient, then what the results say of their orders. The site has something new."""
    subject = _take_orders(received, uow, tools, is_result=True)
    if subject is not None and received.header.trigger_event in tools.refresh_events:
        ask_for_refresh(subject, uow=uow, at=received.received_at, site_id=received.header.facility or None)
    return subject


EFFECTS: Mapping[Route, Effect] = {
    Route.REGISTER: register,
    Route.MERGE: merge,
    Route.VISIT: visit,
    Route.LINK: link,
    Route.UNLINK: unlink,
    Route.RETIRE: retire,
    Route.ORDER: order,
    Route.RESULT: result,
}


def _two_numbers(
    pids: tuple[Segment, Segment], received: Received, tools: Tools
) -> tuple[PatientIdentifier, PatientIdentifier]:
    """The numbers the two PID segments are about: of one authority, or one of them the sender's own.

    Raises:
        FieldError: a number is missing, or the sender speaks of two other sites' numbers.
    """
    own, authorities = received.issuers.own_authority, tools.matcher.authorities
    left, right = (primary_identifier(patient_identifiers(p, received.issuers), own, authorities) for p in pids)
    names = {left.assigning_authority, right.assigning_authority}
    if len(names) > 1 and own not in names:
        raise FieldError(
            Location("PID", 3, 2),
            ErrorCode.UNKNOWN_KEY,
            "the identifiers have different authorities, none the sender's",
        )
    return left, right


def _person_of(number: PatientIdentifier, uow: UnitOfWork) -> EnterpriseId | None:
    record = follow_identifier(number, uow=uow)
    return None if record is None else record.enterprise_id


def _take_orders(received: Received, uow: UnitOfWork, tools: Tools, *, is_result: bool) -> EnterpriseId | None:
    pid = require_pid(received.message)
    identifiers = patient_identifiers(pid, received.issuers)
    orders = sent_orders(received.message, is_result=is_result)
    registered = _registered(pid, identifiers, received, uow, tools)
    if registered.effect is RegisterEffect.SUSPECTED_REUSE:
        # Whose the order is, nobody knows yet: it must not be judged by the history of the number's first person.
        orders = tuple(sent for sent in orders if sent.status is not OrderStatus.NEW)
    primary = primary_identifier(identifiers, received.issuers.own_authority, tools.matcher.authorities)
    sender = OrderSender(
        site_id=_site_id(received, primary),
        patient=primary,
        event_at=received.event_at,
        patient_class=patient_class(received.message),
        source=received.source,
    )
    for sent in orders:
        take_order(sent, sender, uow=uow, clock=tools.clock, normalize=tools.normalize_order, is_result=is_result)
    return registered.enterprise_id


def _merge_one(pair: MergePair, received: Received, uow: UnitOfWork, tools: Tools) -> bool:
    """Carry out one merge; true when PID may speak for the survivor: it is a record, and PID holds a name.

    Two numbers never seen make no person, whatever PID says of them.
    """
    command = ApplyMerge(
        site_id=_site_id(received, pair.survivor),
        survivor=pair.survivor,
        subsumed=pair.subsumed,
        event_at=received.event_at,
        source=received.source,
    )
    try:
        outcome = apply_merge(command, uow=uow, matcher=tools.matcher, clock=tools.clock, new_id=tools.new_id)
    except MergeRefused as refused:
        raise MergeNotPossible(
            Location("MRG", 1, pair.pid.sequence),
            ErrorCode.DUPLICATE_KEY if refused.code == "same_identifier" else ErrorCode.UNKNOWN_KEY,
            str(refused),
            survivor=pair.survivor,
            subsumed=pair.subsumed,
        ) from refused
    survivor = follow_identifier(pair.survivor, uow=uow)
    is_record = survivor is not None and survivor.is_active
    return is_record and outcome not in NO_EFFECT and bool(pair.pid.repetitions(5))


def _register_pid(
    pid: Segment, identifiers: tuple[PatientIdentifier, ...], received: Received, uow: UnitOfWork, tools: Tools
) -> EnterpriseId | None:
    return _registered(pid, identifiers, received, uow, tools).enterprise_id


def _registered(
    pid: Segment, identifiers: tuple[PatientIdentifier, ...], received: Received, uow: UnitOfWork, tools: Tools
) -> RegisterOutcome:
    update = demographics_update(
        pid, identifiers, registry=received.issuers.registry, message_day=received.event_at.date()
    )
    _lock(uow, identifiers)
    command = RegisterRecord(
        site_id=_site_id(received, identifiers[0]),
        identifiers=identifiers,
        update=update,
        event_at=received.event_at,
        source=received.source,
        own_authority=received.issuers.own_authority,
    )
    try:
        return register_record(command, uow=uow, matcher=tools.matcher, clock=tools.clock, new_id=tools.new_id)
    except InvalidDemographics as error:
        raise FieldError(Location("PID", 5, pid.sequence), ErrorCode.REQUIRED_FIELD_MISSING, str(error)) from error


def _site_id(received: Received, identifier: PatientIdentifier) -> str:
    return received.header.facility or identifier.assigning_authority


def _lock(uow: UnitOfWork, identifiers: Iterable[PatientIdentifier]) -> None:
    uow.lock([str(i) for i in identifiers])
