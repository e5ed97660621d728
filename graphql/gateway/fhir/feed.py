"""The feed: create and update patients, and merges told as ``replaced-by``. Source: IHE PIXm ITI-104, PMIR ITI-93."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from adapters.fhir.patient_links import REPLACED_BY, REPLACES, PatientLink
from adapters.fhir.patient_mapping import PatientSaid, read_patient
from adapters.fhir.patient_resource import person_resource
from adapters.fhir.resource_fields import ResourceRefused
from gateway.fhir.door import FhirCall
from gateway.fhir.outcomes import FhirAnswer, issue, outcome
from mpi.errors import MergeRefused
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.merging import REVIEWED, MergeOutcome, check_merge
from mpi.identity.records import SourceRecord
from mpi.identity.review import ReviewKind
from mpi.ports import UnitOfWork
from mpi.units import carry_out
from mpi.usecases.apply_merge import ApplyMerge, apply_merge
from mpi.usecases.follow_identifier import follow_identifier
from mpi.usecases.open_review import open_review
from mpi.usecases.register_record import RegisterEffect, RegisterRecord, primary_identifier, register_record

_NOT_TAKEN_OVER = {
    RegisterEffect.STALE: "older than what is known: kept in the history only",
    RegisterEffect.SUSPECTED_REUSE: "contradicts what is known of this number: records staff are asked",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one patient. ``code`` is the effect or merge outcome; ``text`` says more when it is a warning.

    ``members`` are the records of the person; empty: look them up.
    """

    identifier: PatientIdentifier
    enterprise_id: EnterpriseId | None
    code: str
    is_new: bool = False
    text: str = ""
    members: tuple[SourceRecord, ...] = ()


class RefusedMerge(MergeRefused):
    """A merge that cannot be meant, with the two identifiers that staff are shown."""

    def __init__(self, refusal: MergeRefused, survivor: PatientIdentifier, subsumed: PatientIdentifier) -> None:
        super().__init__(refusal.code, str(refusal))
        self.survivor, self.subsumed = survivor, subsumed


def feed_patient(call: FhirCall) -> FhirAnswer:
    """POST and PUT of a Patient. A PUT may name the record in its URL (``?identifier=system|value``)."""
    resources = call.context.resources
    said = _named_in_url(read_patient(call.body, call.systems, today=resources.clock().date()), call)

    def take(uow: UnitOfWork) -> FhirAnswer:
        if said.links:
            lock_identifiers((said,), uow)
        taken = take_patient(said, event_time(said, call, None), call, uow)
        answer = _answer(taken, call, uow)
        uow.audit.append(call.audit_event(subject=taken.enterprise_id, detail=answer.detail))
        uow.commit()
        return answer

    try:
        return carry_out(resources.units, take)
    except RefusedMerge as refusal:
        show_refused_merge(refusal, call)
        raise


def _named_in_url(said: PatientSaid, call: FhirCall) -> PatientSaid:
    tokens = [value for name, value in call.in_url if name == "identifier"]
    if not tokens:
        return said
    named = call.systems.token(tokens[0], "identifier")
    if len(tokens) > 1 or named not in said.identifiers:
        raise ResourceRefused("invalid", "identifier", "the URL names an identifier that the resource does not have")
    return replace(said, identifiers=tuple(dict.fromkeys((named, *said.identifiers))))


def event_time(said: PatientSaid, call: FhirCall, sent_at: dt.datetime | None) -> dt.datetime:
    """When it happened: what the sender says, unless that lies ahead of us or is not said."""
    now = call.context.resources.clock()
    told = said.last_updated or sent_at
    return told if told is not None and told <= now else now


def lock_identifiers(patients: tuple[PatientSaid, ...], uow: UnitOfWork) -> None:
    """All at once, so that a feed rarely has to begin again half-way."""
    linked = [i for said in patients for link in said.links for i in link.identifiers]
    uow.lock(sorted({str(i) for i in (*linked, *(i for said in patients for i in said.identifiers))}))


def take_patient(said: PatientSaid, event_at: dt.datetime, call: FhirCall, uow: UnitOfWork) -> Taken:
    """Register the patient, or carry out the merge that its links tell.

    Raises:
        ResourceRefused: no identifier, a link to nobody we can name, or inactive without a survivor.
        RefusedMerge: the merge cannot mean anything.
        InvalidDemographics: a new record without any name.
    """
    if not said.identifiers:
        raise ResourceRefused("required", "identifier", "no identifier with system and value")
    replaced = [link for link in said.links if link.kind == REPLACED_BY]
    if replaced:
        return _merge(_others(replaced[0], call, uow), said.identifiers, event_at, call, uow)
    if not said.is_active:
        raise ResourceRefused("not-supported", "active", "inactive without a replaced-by link")
    taken = _register(said, event_at, call, uow)
    for link in said.links:
        if link.kind == REPLACES:
            _merge(said.identifiers, _others(link, call, uow), event_at, call, uow)
            taken = replace(taken, members=())
    return taken


def _register(said: PatientSaid, event_at: dt.datetime, call: FhirCall, uow: UnitOfWork) -> Taken:
    resources = call.context.resources
    first = said.identifiers[0] if any(name == "identifier" for name, _ in call.in_url) else None
    own = "" if first is None else first.assigning_authority
    primary = primary_identifier(said.identifiers, own, resources.matcher.authorities)
    command = RegisterRecord(
        site_id=_site_of(primary.assigning_authority, call),
        identifiers=said.identifiers,
        update=said.update,
        event_at=event_at,
        source=call.source,
        own_authority=own,
    )
    done = register_record(command, uow=uow, matcher=resources.matcher, clock=resources.clock, new_id=resources.new_id)
    if done.is_truncated:
        call.context.metrics.count_truncated(call.operation)
    is_new = done.effect is RegisterEffect.CREATED
    text = _NOT_TAKEN_OVER.get(done.effect, "")
    return Taken(done.identifier, done.enterprise_id, done.effect.value, is_new, text, done.members)


def _merge(
    survivors: tuple[PatientIdentifier, ...],
    subsumed: tuple[PatientIdentifier, ...],
    event_at: dt.datetime,
    call: FhirCall,
    uow: UnitOfWork,
) -> Taken:
    resources = call.context.resources
    survivor, retired = _pair(survivors, subsumed, call)
    command = ApplyMerge(_site_of(survivor.assigning_authority, call), survivor, retired, event_at, call.source)
    done = apply_merge(command, uow=uow, matcher=resources.matcher, clock=resources.clock, new_id=resources.new_id)
    record = follow_identifier(survivor, uow=uow)
    return Taken(
        survivor,
        None if record is None else record.enterprise_id,
        f"merge_{done.value}",
        text="records staff are asked" if done in REVIEWED else _merge_text(done),
    )


def _merge_text(done: MergeOutcome) -> str:
    return "was merged before" if done is MergeOutcome.ALREADY_MERGED else "merged"


def _pair(
    survivors: tuple[PatientIdentifier, ...], subsumed: tuple[PatientIdentifier, ...], call: FhirCall
) -> tuple[PatientIdentifier, PatientIdentifier]:
    """The two numbers of one authority that are merged; a site's own before a national id."""
    is_strong = call.context.resources.matcher.authorities.is_strong
    pairs = [(s, r) for s in survivors for r in subsumed if s.assigning_authority == r.assigning_authority and s != r]
    local = [pair for pair in pairs if not is_strong(pair[0].assigning_authority)]
    chosen = (local or pairs or [(survivors[0], subsumed[0])])[0]
    try:
        check_merge(*chosen)
    except MergeRefused as refusal:
        raise RefusedMerge(refusal, *chosen) from refusal
    return chosen


def _others(link: PatientLink, call: FhirCall, uow: UnitOfWork) -> tuple[PatientIdentifier, ...]:
    """The identifiers of the other one, also where it is named by our own id of a person."""
    if link.identifiers:
        return link.identifiers
    found = uow.records.of_person(EnterpriseId(link.reference.rpartition("Patient/")[2]))
    if not found:
        raise ResourceRefused("not-found", link.path, "names no patient that is known here or came along")
    return tuple(record.identifier for record in found)


def _site_of(authority: str, call: FhirCall) -> str:
    """The site that issues the authority's numbers; the authority itself where none is registered."""
    sites = call.context.resources.directory.sites.values()
    return next((str(s.site_id) for s in sites if s.assigning_authority == authority), authority)


def show_refused_merge(refusal: RefusedMerge, call: FhirCall) -> None:
    """Nothing of it took effect, but staff see it."""
    resources = call.context.resources

    def show(uow: UnitOfWork) -> None:
        open_review(
            ReviewKind.MERGE_REFUSED,
            refusal.survivor,
            refusal.subsumed,
            source=call.source,
            uow=uow,
            clock=resources.clock,
            new_id=resources.new_id,
        )
        uow.commit()

    carry_out(resources.units, show)


def taken_issue(taken: Taken) -> dict[str, object]:
    """What came of one patient, as an issue of an outcome."""
    needs_people = taken.code in {e.value for e in _NOT_TAKEN_OVER} or taken.text == "records staff are asked"
    return issue(
        "warning" if needs_people else "information",
        "business-rule" if needs_people else "informational",
        taken.code,
        taken.text or taken.code,
    )


def _answer(taken: Taken, call: FhirCall, uow: UnitOfWork) -> FhirAnswer:
    headers = {} if taken.enterprise_id is None else {"Location": f"/fhir/Patient/{taken.enterprise_id}"}
    status = 201 if taken.is_new else 200
    subjects = () if taken.enterprise_id is None else (str(taken.enterprise_id),)
    if "return=minimal" in call.prefer and not taken.text:
        return FhirAnswer(None, status, subjects, headers, taken.code, is_audited=True)
    members: tuple[SourceRecord, ...] = ()
    if taken.enterprise_id is not None and not taken.text and "return=OperationOutcome" not in call.prefer:
        members = taken.members or uow.records.of_person(taken.enterprise_id)
    if not members or taken.enterprise_id is None:
        return FhirAnswer(outcome(taken_issue(taken)), status, subjects, headers, taken.code, is_audited=True)
    shown = person_resource(taken.enterprise_id, members, call.systems)
    return FhirAnswer(shown, status, subjects, headers, taken.code, is_audited=True)
