"""Take what a site says of a patient: create or update its record, and find out which person that is.

    sender -> register_record -> follow retired ids -> reuse check -> update -> place in a person -> events

The caller holds the open unit of work and commits.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import Enum

from mpi.errors import InvalidDemographics, InvalidIdentifier
from mpi.identity.contradiction import contradictions
from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import AuthorityRegistry, EnterpriseId, PatientIdentifier
from mpi.identity.records import HistoryEntry, SourceRecord
from mpi.identity.review import ReviewKind
from mpi.identity.updates import DemographicsUpdate, apply_update
from mpi.matching.scoring import has_support
from mpi.ports import Clock, NewId, UnitOfWork
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.matcher import Matcher
from mpi.usecases.open_review import open_review
from mpi.usecases.place_record import place_record
from mpi.usecases.take_over_update import SUSPECTED


class RegisterEffect(Enum):
    """What came of it. STALE and SUSPECTED_REUSE change no demographics; UNCHANGED was said before."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"
    SUSPECTED_REUSE = "suspected_reuse"


@dataclass(frozen=True, slots=True)
class RegisterRecord:
    """What a site says of one patient.

    ``identifiers`` are all that were sent, the sender's own authority or not; ``event_at`` decides which of two
    updates is newer; ``source`` names the door and the event for the history (``hl7:A04``), never a value.
    """

    site_id: str
    identifiers: tuple[PatientIdentifier, ...]
    update: DemographicsUpdate
    event_at: dt.datetime
    source: str
    own_authority: str


@dataclass(frozen=True, slots=True)
class RegisterOutcome:
    """The record's identifier (after retired ids were followed), its person, and what happened.

    ``is_truncated``: more records resemble it than were compared. ``members`` are all records of its person as they are
    stored now, in the order of their numbers; empty: look them up.
    """

    identifier: PatientIdentifier
    enterprise_id: EnterpriseId | None
    effect: RegisterEffect
    review_item_ids: tuple[str, ...] = ()
    is_truncated: bool = False
    members: tuple[SourceRecord, ...] = ()


def register_record(
    command: RegisterRecord, *, uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId
) -> RegisterOutcome:
    """Create or update the record and link it.

    Raises:
        InvalidIdentifier: no identifier at all.
        InvalidDemographics: a new record without any name.
    """
    primary = primary_identifier(command.identifiers, command.own_authority, matcher.authorities)
    asserted = tuple(i for i in dict.fromkeys(command.identifiers) if i != primary)
    sent = _as_sent(command, primary, asserted)
    # All locks that a new record needs, in one go and before anything is read: nothing has to be read twice.
    uow.lock([*(str(i) for i in command.identifiers), *matcher.blocking_keys(sent)])
    stored = follow_identifier(primary, uow=uow)
    if stored is None or (not stored.is_active and stored.surviving_identifier is not None):
        # A survivor that was named in a merge but never seen comes into being under its own number.
        target = primary if stored is None or stored.surviving_identifier is None else stored.surviving_identifier
        record, effect = _create(replace(sent, identifier=target)), RegisterEffect.CREATED
    elif not stored.is_active:
        _remember(command, stored, "named_retired", uow)
        return RegisterOutcome(stored.identifier, None, RegisterEffect.UNCHANGED)
    else:
        if _is_somebody_else(sent, stored, matcher):
            return _suspect_reuse(command, stored, uow, clock, new_id)
        # A number that so far was only named beside another one has said nothing that could be newer.
        if command.event_at < stored.demographics_at and stored.demographics != Demographics():
            _remember(command, stored, "stale_update", uow)
            return RegisterOutcome(stored.identifier, stored.enterprise_id, RegisterEffect.STALE)
        record, effect = _update(command, stored, asserted)
    former = None if effect is RegisterEffect.CREATED else stored
    return _place(command, record, former, effect, uow, matcher, clock, new_id)


def primary_identifier(
    identifiers: tuple[PatientIdentifier, ...], own_authority: str, authorities: AuthorityRegistry
) -> PatientIdentifier:
    """The number that names the sender's record: its own authority's first, then any registered site's, then any."""
    if not identifiers:
        raise InvalidIdentifier("no patient identifier")
    own = [i for i in identifiers if i.assigning_authority == own_authority]
    registered = [i for i in identifiers if authorities.is_registered(i.assigning_authority)]
    local = [i for i in registered if not authorities.is_strong(i.assigning_authority)]
    return (own or local or registered or list(identifiers))[0]


def _as_sent(
    command: RegisterRecord, identifier: PatientIdentifier, asserted: tuple[PatientIdentifier, ...]
) -> SourceRecord:
    """The record as if nothing were known of it."""
    return SourceRecord(
        identifier=identifier,
        site_id=command.site_id,
        demographics=apply_update(Demographics(), command.update),
        demographics_at=command.event_at,
        asserted_identifiers=asserted,
    )


def _create(record: SourceRecord) -> SourceRecord:
    if record.demographics.name.is_empty:
        raise InvalidDemographics("name is missing: an identifier alone makes no person")
    return record


def _update(
    command: RegisterRecord, stored: SourceRecord, asserted: tuple[PatientIdentifier, ...]
) -> tuple[SourceRecord, RegisterEffect]:
    demographics = apply_update(stored.demographics, command.update)
    others = tuple(dict.fromkeys((*stored.asserted_identifiers, *(i for i in asserted if i != stored.identifier))))
    changed = demographics != stored.demographics or others != stored.asserted_identifiers
    record = replace(stored, demographics=demographics, demographics_at=command.event_at, asserted_identifiers=others)
    return record, RegisterEffect.UPDATED if changed else RegisterEffect.UNCHANGED


def _place(
    command: RegisterRecord,
    record: SourceRecord,
    former: SourceRecord | None,
    effect: RegisterEffect,
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    new_id: NewId,
) -> RegisterOutcome:
    done = place_record(record, former, source=command.source, uow=uow, matcher=matcher, clock=clock, new_id=new_id)
    kind = "registered" if effect is RegisterEffect.CREATED else "updated"
    placed = done.record
    _remember(command, placed, kind, uow, done.reason)
    return RegisterOutcome(
        placed.identifier, placed.enterprise_id, effect, done.opened_items, done.is_truncated, done.members
    )


def _is_somebody_else(sent: SourceRecord, stored: SourceRecord, matcher: Matcher) -> bool:
    """The number now names another person: name, birth date and sex contradict, or no part of the name is alike.

    A wholly other name alone is a correction where the national id, an address, a phone or the last four agree.
    """
    found = contradictions(stored.demographics, sent.demographics)
    if found.is_other_person or not found.name:
        return found.is_other_person
    current = replace(sent, identifier=stored.identifier)
    score = matcher.score(matcher.comparable(stored), matcher.comparable(current))
    return any(guard.name == "reused_local_id" for guard in score.guards) and not has_support(score, but=("local_id",))


def _suspect_reuse(
    command: RegisterRecord, stored: SourceRecord, uow: UnitOfWork, clock: Clock, new_id: NewId
) -> RegisterOutcome:
    """Keep the first person's data; staff find out whether the number was given twice."""
    _remember(command, stored, SUSPECTED, uow)
    item = open_review(
        ReviewKind.SUSPECTED_REUSE,
        stored.identifier,
        stored.identifier,
        source=command.source,
        uow=uow,
        clock=clock,
        new_id=new_id,
        priority=1,
    )
    items = () if item is None else (item,)
    return RegisterOutcome(stored.identifier, stored.enterprise_id, RegisterEffect.SUSPECTED_REUSE, items)


def _remember(command: RegisterRecord, record: SourceRecord, kind: str, uow: UnitOfWork, detail: str = "") -> None:
    uow.history.append(
        HistoryEntry(
            identifier=record.identifier,
            kind=kind,
            at=command.event_at,
            source=command.source,
            enterprise_id=record.enterprise_id,
            detail=detail,
            demographics=command.update.sent,
            deleted=command.update.deleted,
        )
    )
