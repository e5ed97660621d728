"""What an instruction to merge two identifiers of one authority comes to. Pure: facts in, decision out.

The walk is in docs/architecture.md (*An A40 merge*). A merge retires an identifier inside its site; it never joins
two persons who both have other records: that is for records staff.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mpi.errors import MergeRefused
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.records import SourceRecord


class MergeOutcome(Enum):
    """What is to be done. The review outcomes keep a human's or another person's links as they are."""

    ALREADY_MERGED = "already_merged"
    REVERSE_OF_EARLIER = "reverse_of_earlier"
    SAID_DIFFERENT = "said_different"
    MERGED_ELSEWHERE = "merged_elsewhere"
    HELD = "held"
    SUBSUMED_UNKNOWN = "subsumed_unknown"
    SURVIVOR_UNKNOWN = "survivor_unknown"
    SAME_PERSON = "same_person"
    SUBSUMED_ALONE = "subsumed_alone"
    SURVIVOR_JOINS = "survivor_joins"
    PERSONS_CONFLICT = "persons_conflict"
    MANUAL_IN_THE_WAY = "manual_in_the_way"


NO_EFFECT = frozenset(
    {
        MergeOutcome.ALREADY_MERGED,
        MergeOutcome.REVERSE_OF_EARLIER,
        MergeOutcome.SAID_DIFFERENT,
        MergeOutcome.MERGED_ELSEWHERE,
        MergeOutcome.HELD,
    }
)
"""Outcomes that change no record."""

REVIEWED = frozenset(
    {
        MergeOutcome.REVERSE_OF_EARLIER,
        MergeOutcome.SAID_DIFFERENT,
        MergeOutcome.MERGED_ELSEWHERE,
        MergeOutcome.HELD,
        MergeOutcome.PERSONS_CONFLICT,
        MergeOutcome.MANUAL_IN_THE_WAY,
    }
)
"""Outcomes that put a question to records staff."""


@dataclass(frozen=True, slots=True)
class MergeFacts:
    """What is known when the instruction arrives.

    ``survivor_id`` and ``subsumed_id`` are as sent (PID-3, MRG-1); ``resolved_survivor_id`` follows retired ids.
    ``survivor``/``subsumed`` are the records of the resolved survivor id and of the subsumed id, ``None`` when never
    seen. ``*_others`` are further active members of their persons, without these two records and without
    records that only hold an asserted number of theirs. ``said_different``: a never-link stands between the two.
    ``other_never_links``: a never-link stands between the survivor and a member of the subsumed one's person.
    ``held``: staff hold one of the two, because it may hold two people's data.
    """

    survivor_id: PatientIdentifier
    resolved_survivor_id: PatientIdentifier
    subsumed_id: PatientIdentifier
    resolved_subsumed_id: PatientIdentifier
    survivor: SourceRecord | None
    subsumed: SourceRecord | None
    survivor_others: tuple[SourceRecord, ...] = ()
    subsumed_others: tuple[SourceRecord, ...] = ()
    said_different: bool = False
    other_never_links: bool = False
    held: bool = False


def check_merge(survivor_id: PatientIdentifier, subsumed_id: PatientIdentifier) -> None:
    """Refuse a merge that cannot mean anything.

    Raises:
        MergeRefused: the ids are the same (``same_identifier``) or of two authorities (``different_authorities``).
    """
    if survivor_id == subsumed_id:
        raise MergeRefused("same_identifier", "surviving and subsumed identifier are the same")
    if survivor_id.assigning_authority != subsumed_id.assigning_authority:
        raise MergeRefused("different_authorities", "surviving and subsumed identifier have different authorities")


def decide_merge(facts: MergeFacts) -> MergeOutcome:
    """The one outcome that fits the facts; rules are tried in the order of the walk."""
    if facts.resolved_survivor_id == facts.subsumed_id:
        return MergeOutcome.REVERSE_OF_EARLIER
    if facts.resolved_subsumed_id == facts.resolved_survivor_id:
        return MergeOutcome.ALREADY_MERGED
    if facts.said_different:
        return MergeOutcome.SAID_DIFFERENT
    if facts.held:
        return MergeOutcome.HELD
    subsumed, survivor = facts.subsumed, facts.survivor
    if subsumed is None:
        return MergeOutcome.SUBSUMED_UNKNOWN
    if not subsumed.is_active:
        return MergeOutcome.MERGED_ELSEWHERE
    if survivor is None:
        return MergeOutcome.SURVIVOR_UNKNOWN
    if survivor.enterprise_id == subsumed.enterprise_id:
        return MergeOutcome.SAME_PERSON
    if not facts.subsumed_others:
        return MergeOutcome.SUBSUMED_ALONE
    if survivor.is_manually_linked or subsumed.is_manually_linked or facts.other_never_links:
        return MergeOutcome.MANUAL_IN_THE_WAY
    if not facts.survivor_others:
        return MergeOutcome.SURVIVOR_JOINS
    return MergeOutcome.PERSONS_CONFLICT
