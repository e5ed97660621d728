"""Deciding who is one person, undoing it, and reading what was decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import strawberry

from federation.ports import UnitOfWork
from gateway.context import HubInfo
from gateway.identity_decisions import Act, decide_identity, load_decisions, load_persons, load_undo_order
from gateway.schema.identity_decisions import (
    IdentityDecided,
    IdentityDecision,
    IdentityDecisionList,
    IdentityDecisionResult,
    IdentityDecisionsResult,
    StaleIdentityDecision,
    StalePersons,
    UndoDecisionResult,
)
from gateway.schema.inputs import (
    MAX_PAGE,
    InputProblem,
    PatientIdentifierInput,
    PatientRefInput,
    read_identifier,
    read_number,
    read_patient,
    read_text,
)
from gateway.schema.persons import Person
from gateway.schema.refusals import DecisionRefused, IdentityDecisionNotFound
from mpi.errors import MergeRefused, StaleDecision, UnknownDecision
from mpi.errors import StalePersons as PersonsChanged
from mpi.identity.decisions import Decision
from mpi.identity.identifiers import EnterpriseId
from mpi.ports import Clock, NewId
from mpi.usecases.hold_record import ReleaseRecord, release_record
from mpi.usecases.link_persons import LinkPersons, link_persons
from mpi.usecases.matcher import Matcher
from mpi.usecases.merge_persons import MergePersons, merge_persons
from mpi.usecases.say_different import SayDifferent, say_different
from mpi.usecases.split_person import SplitPerson, split_person
from mpi.usecases.undo_decision import UndoDecision, undo_decision
from mpi.usecases.unlink_record import UnlinkRecord, unlink_record

_MAX_REASON = 500
_MAX_LEAVING = 100


async def resolve_link_records(
    info: HubInfo,
    left: PatientIdentifierInput,
    right: PatientIdentifierInput,
    expected_versions: list[str],
    reason: str = "",
    preview: bool = False,
) -> IdentityDecisionResult:
    """Two records are one person; so are all others of their persons."""
    pair = read_identifier(left, "left"), read_identifier(right, "right")
    command = LinkPersons(*pair, *_signed(info, reason), expected_versions=_versions(expected_versions))
    return await _decide(info, "linkRecords", _act(link_persons, command), preview)


async def resolve_unlink_record(
    info: HubInfo,
    identifier: PatientIdentifierInput,
    expected_versions: list[str],
    reason: str = "",
    preview: bool = False,
) -> IdentityDecisionResult:
    """A record leaves its person."""
    named = read_identifier(identifier, "identifier")
    command = UnlinkRecord(named, *_signed(info, reason), expected_versions=_versions(expected_versions))
    return await _decide(info, "unlinkRecord", _act(unlink_record, command), preview)


async def resolve_release_held_record(
    info: HubInfo,
    identifier: PatientIdentifierInput,
    expected_versions: list[str],
    reason: str = "",
    preview: bool = False,
) -> IdentityDecisionResult:
    """A held record is matched again."""
    named = read_identifier(identifier, "identifier")
    command = ReleaseRecord(named, *_signed(info, reason), expected_versions=_versions(expected_versions))
    return await _decide(info, "releaseHeldRecord", _act(release_record, command), preview)


async def resolve_say_different(
    info: HubInfo,
    left: PatientIdentifierInput,
    right: PatientIdentifierInput,
    expected_versions: list[str],
    reason: str = "",
    preview: bool = False,
) -> IdentityDecisionResult:
    """Two records are never one person."""
    pair = read_identifier(left, "left"), read_identifier(right, "right")
    command = SayDifferent(*pair, *_signed(info, reason), expected_versions=_versions(expected_versions))
    return await _decide(info, "sayDifferent", _act(say_different, command), preview)


async def resolve_merge_persons(
    info: HubInfo,
    survivor: strawberry.ID,
    subsumed: strawberry.ID,
    expected_versions: list[str],
    reason: str = "",
    preview: bool = False,
) -> IdentityDecisionResult:
    """Two persons are one."""
    pair = _person(survivor, "survivor"), _person(subsumed, "subsumed")
    command = MergePersons(*pair, *_signed(info, reason), expected_versions=_versions(expected_versions))
    return await _decide(info, "mergePersons", _act(merge_persons, command), preview)


async def resolve_split_person(
    info: HubInfo,
    enterprise_id: strawberry.ID,
    leaving: list[PatientIdentifierInput],
    expected_versions: list[str],
    reason: str = "",
    preview: bool = False,
) -> IdentityDecisionResult:
    """A person is two."""
    read_number(len(leaving), "leaving", 1, _MAX_LEAVING)
    named = tuple(read_identifier(given, f"leaving.{place}") for place, given in enumerate(leaving))
    person, signed = _person(enterprise_id, "enterpriseId"), _signed(info, reason)
    command = SplitPerson(person, named, *signed, expected_versions=_versions(expected_versions))
    return await _decide(info, "splitPerson", _act(split_person, command), preview)


async def resolve_undo_decision(
    info: HubInfo, decision_id: strawberry.ID, expected_versions: list[str] | None = None, preview: bool = False
) -> UndoDecisionResult:
    """Take a decision back."""
    named, resources = read_text(decision_id, "decisionId"), info.context.resources
    seen = None if expected_versions is None else _versions(expected_versions, _MAX_LEAVING)
    act = _act(undo_decision, UndoDecision(named, info.context.caller.subject, seen))
    try:
        decided = await asyncio.to_thread(decide_identity, "undoDecision", act, info.context, is_preview=preview)
        return IdentityDecided.from_domain(decided, resources.trust)
    except UnknownDecision:
        return IdentityDecisionNotFound()
    except MergeRefused as refused:
        return DecisionRefused(code=refused.code, message=str(refused))
    except PersonsChanged as changed:
        return await _changed(info, changed)
    except StaleDecision:
        return _stale(*await asyncio.to_thread(load_undo_order, resources.read, named))


async def resolve_identity_decisions(
    info: HubInfo,
    patient: PatientRefInput | None = None,
    enterprise_id: strawberry.ID | None = None,
    first: int = 20,
) -> IdentityDecisionsResult:
    """What staff decided about the records of a person."""
    named, shown = read_patient(patient, enterprise_id), read_number(first, "first", 1, MAX_PAGE)
    found = await asyncio.to_thread(load_decisions, info.context.resources.read, named, first=shown)
    return IdentityDecisionList.from_domain(found)


async def _decide(info: HubInfo, operation: str, act: Act, preview: bool) -> IdentityDecisionResult:
    resources = info.context.resources
    try:
        decided = await asyncio.to_thread(decide_identity, operation, act, info.context, is_preview=preview)
        return IdentityDecided.from_domain(decided, resources.trust)
    except MergeRefused as refused:
        return DecisionRefused(code=refused.code, message=str(refused))
    except PersonsChanged as changed:
        return await _changed(info, changed)


async def _changed(info: HubInfo, changed: PersonsChanged) -> StalePersons:
    resources = info.context.resources
    persons = await asyncio.to_thread(load_persons, resources.read, changed.enterprise_ids)
    return StalePersons(current=[Person.from_domain(person, resources.trust) for person in persons])


def _act(use_case: Callable[..., Decision], command: Any) -> Act:
    def act(uow: UnitOfWork, matcher: Matcher, clock: Clock, new_id: NewId) -> Decision:
        return use_case(command, uow=uow, matcher=matcher, clock=clock, new_id=new_id)

    return act


def _stale(current: Decision, undo_first: tuple[Decision, ...]) -> StaleIdentityDecision:
    shown = IdentityDecision.from_domain(current)
    if current.is_undone:
        return StaleIdentityDecision(
            code="already_undone", message="the decision was undone before", current=shown, undo_first=[]
        )
    return StaleIdentityDecision(current=shown, undo_first=[IdentityDecision.from_domain(d) for d in undo_first])


def _signed(info: HubInfo, reason: str) -> tuple[str, str]:
    return info.context.caller.subject, read_text(reason, "reason", _MAX_REASON)


def _person(text: str, field: str) -> EnterpriseId:
    if not text.strip():
        raise InputProblem("empty", field, "must not be empty")
    return EnterpriseId(read_text(text.strip(), field))


def _versions(given: list[str], most: int = 2) -> frozenset[str]:
    """Versions of one or two persons (or of all that a decision touched), as ``person`` shows them."""
    read_number(len(given), "expectedVersions", 1, most)
    return frozenset(read_text(text, "expectedVersions") for text in given)
