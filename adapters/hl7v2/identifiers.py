"""Patient identifiers in a message: PID-3, PID-2 of old senders, MRG-1. Source: HL7 v2.5 chapter 2.A.14 (CX).

PID-4, PID-18, PID-21, and PID-2 beside a PID-3, identify nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.hl7v2.errors import ErrorCode, FieldError, Location
from adapters.hl7v2.message import NULL, Message, Repetition, Segment
from mpi.errors import InvalidIdentifier
from mpi.identity.identifiers import AuthorityRegistry, PatientIdentifier

LONGEST_IDENTIFIER = 500
"""Authority and number together; far above what any version allows, far below what a database index takes."""


@dataclass(frozen=True, slots=True)
class Issuers:
    """Whose numbers a message holds: registered authorities, and the sender's own where none is named."""

    registry: AuthorityRegistry
    own_authority: str

    def identifier(self, cx: Repetition) -> PatientIdentifier | None:
        """The identifier, or ``None`` when the repetition names nobody (empty, null, nobody's authority)."""
        sent = _assigning_authority(cx)
        authority = self.registry.canonical_name(*sent) if any(sent) else self.own_authority
        try:
            return PatientIdentifier(authority, cx.component(1))
        except InvalidIdentifier:
            return None


def _assigning_authority(cx: Repetition) -> tuple[str, str]:
    namespace, universal = cx.subcomponent(4, 1), cx.subcomponent(4, 2)
    return ("" if namespace == NULL else namespace, "" if universal == NULL else universal)


def patient_identifiers(pid: Segment, issuers: Issuers) -> tuple[PatientIdentifier, ...]:
    """The ids of PID-3 in order, each once; PID-2 only if PID-3 holds none.

    Raises:
        FieldError: no usable id, or one that is longer than any version allows.
    """
    for field_number in (3, 2):
        if found := _identifiers(pid, field_number, issuers):
            return found
    raise FieldError(
        Location("PID", 3, pid.sequence), ErrorCode.REQUIRED_FIELD_MISSING, "patient identifier is missing"
    )


def require_pid(message: Message) -> Segment:
    """The first PID segment.

    Raises:
        FieldError: the message has none.
    """
    pid = message.first("PID")
    if pid is None:
        raise FieldError(Location("PID", 3), ErrorCode.REQUIRED_FIELD_MISSING, "patient identifier is missing")
    return pid


def _identifiers(segment: Segment, field_number: int, issuers: Issuers) -> tuple[PatientIdentifier, ...]:
    sent = (issuers.identifier(cx) for cx in segment.repetitions(field_number))
    found = tuple(dict.fromkeys(i for i in sent if i is not None))
    if any(len(str(i)) > LONGEST_IDENTIFIER for i in found):
        place = Location(segment.name, field_number, segment.sequence)
        raise FieldError(place, ErrorCode.DATA_TYPE, "patient identifier is too long")
    return found


def require_two_pids(message: Message) -> tuple[Segment, Segment]:
    """The two PID segments of an event about two patients (A24, A37).

    Raises:
        FieldError: the message has fewer, or more.
    """
    require_pid(message)
    pids = [segment for segment in message.segments if segment.name == "PID"]
    if len(pids) < 2:
        raise FieldError(Location("PID", 3, 2), ErrorCode.REQUIRED_FIELD_MISSING, "second patient is missing")
    if len(pids) > 2:
        raise FieldError(Location("PID", 3, 3), ErrorCode.SEGMENT_SEQUENCE, "more than two patients")
    return pids[0], pids[1]


@dataclass(frozen=True, slots=True)
class MergePair:
    """``subsumed`` (MRG-1) is one patient with ``survivor`` (PID-3); ``pid`` says what else is known of them."""

    survivor: PatientIdentifier
    subsumed: PatientIdentifier
    pid: Segment


class MergeNotPossible(FieldError):
    """A merge that cannot be meant. Staff are told, as far as ids are known: ``survivor`` and ``subsumed``."""

    def __init__(
        self,
        location: Location,
        code: ErrorCode,
        text: str,
        *,
        survivor: PatientIdentifier,
        subsumed: PatientIdentifier | None = None,
    ) -> None:
        super().__init__(location, code, text)
        self.survivor = survivor
        self.subsumed = subsumed


def merge_pairs(message: Message, issuers: Issuers) -> tuple[MergePair, ...]:
    """Every PID/MRG group of the message as one merge (more, if MRG-1 repeats).

    Raises:
        FieldError: a PID-3 or MRG-1 is missing, or a group names two authorities or twice the same id.
    """
    require_pid(message)
    pairs: list[MergePair] = []
    pid: Segment | None = None
    awaiting_mrg = False
    for segment in message.segments:
        if segment.name == "PID":
            if pid is not None and awaiting_mrg:
                raise _missing_mrg(pid, issuers)
            pid, awaiting_mrg = segment, True
        elif segment.name == "MRG" and pid is not None:
            pairs.extend(_group_pairs(pid, segment, issuers))
            awaiting_mrg = False
    if pid is not None and awaiting_mrg:
        raise _missing_mrg(pid, issuers)
    return tuple(pairs)


def _missing_mrg(pid: Segment, issuers: Issuers) -> MergeNotPossible:
    return MergeNotPossible(
        Location("MRG", 1, pid.sequence),
        ErrorCode.REQUIRED_FIELD_MISSING,
        "prior patient identifier is missing",
        survivor=patient_identifiers(pid, issuers)[0],
    )


def _group_pairs(pid: Segment, mrg: Segment, issuers: Issuers) -> list[MergePair]:
    survivors = patient_identifiers(pid, issuers)
    prior = _identifiers(mrg, 1, issuers)
    if not prior:
        raise _missing_mrg(pid, issuers)
    first_of_authority = {i.assigning_authority: i for i in reversed(survivors)}
    pairs = [
        MergePair(first_of_authority[i.assigning_authority], i, pid)
        for i in prior
        if i.assigning_authority in first_of_authority
    ]
    different = [pair for pair in pairs if pair.survivor != pair.subsumed]
    if not different:
        code, what = (
            (ErrorCode.DUPLICATE_KEY, "is the surviving one")
            if pairs
            else (ErrorCode.UNKNOWN_KEY, "has another authority")
        )
        raise MergeNotPossible(
            Location("MRG", 1, mrg.sequence),
            code,
            f"prior patient identifier {what}",
            survivor=survivors[0],
            subsumed=prior[0],
        )
    return _site_numbers_first(different, issuers)


def _site_numbers_first(pairs: list[MergePair], issuers: Issuers) -> list[MergePair]:
    """A national id beside a site's own numbers only says whose they are: it is no record to merge away."""
    local = [p for p in pairs if not issuers.registry.is_strong(p.subsumed.assigning_authority)]
    return local or pairs
