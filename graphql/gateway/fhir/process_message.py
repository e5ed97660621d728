"""``$process-message``: a Patient Identity Feed message, taken whole or not at all. Source: IHE PMIR ITI-93.

A repeat (same caller, same message id, same content) gets the first answer again and has no second effect.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from adapters.fhir.message_bundle import PATIENT_FEED_EVENT, FeedMessage, read_message
from gateway.fhir.door import FhirCall
from gateway.fhir.feed import RefusedMerge, Taken, event_time, lock_identifiers, show_refused_merge, take_patient
from gateway.fhir.feed import taken_issue as issue_of
from gateway.fhir.outcomes import FhirAnswer, outcome
from mpi.ports import UnitOfWork
from mpi.units import carry_out


def process_message(call: FhirCall) -> FhirAnswer:
    """Take every patient of the message in one transaction."""
    resources = call.context.resources
    message = read_message(call.body, call.systems, today=resources.clock().date())
    try:
        return carry_out(resources.units, lambda uow: _process(message, call, uow))
    except RefusedMerge as refusal:
        show_refused_merge(refusal, call)
        raise


def _process(message: FeedMessage, call: FhirCall, uow: UnitOfWork) -> FhirAnswer:
    sender = f"fhir:{call.context.caller.subject}"
    content = hashlib.sha256(orjson.dumps(call.body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    if message.message_id:
        uow.lock([f"{sender}|{message.message_id}"])
        stored = uow.inbox.stored_acknowledgement(sender, message.message_id, content)
        if stored is not None:
            return FhirAnswer(orjson.loads(stored), detail="repeated")
    lock_identifiers(message.patients, uow)
    taken = [take_patient(said, event_time(said, call, message.sent_at), call, uow) for said in message.patients]
    answer = _response_message(message, taken, call)
    subjects = tuple(dict.fromkeys(str(t.enterprise_id) for t in taken if t.enterprise_id is not None))
    for subject in subjects or (None,):
        uow.audit.append(call.audit_event(subject=subject, detail=f"patients={len(taken)}"))
    if message.message_id:
        uow.inbox.keep(
            sender,
            message.message_id,
            content,
            acknowledgement=orjson.dumps(answer),
            received_at=call.context.resources.clock(),
        )
    uow.commit()
    return FhirAnswer(answer, subjects=subjects, is_audited=True)


def _response_message(message: FeedMessage, taken: list[Taken], call: FhirCall) -> dict[str, Any]:
    details = outcome(*(issue_of(t) for t in taken))
    header = {
        "resourceType": "MessageHeader",
        "eventUri": PATIENT_FEED_EVENT,
        "source": {"endpoint": "urn:priorlink:hub"},
        "response": {"identifier": message.message_id or "unknown", "code": "ok"},
    }
    return {
        "resourceType": "Bundle",
        "id": call.context.resources.new_id(),
        "type": "message",
        "entry": [{"resource": header}, {"resource": details}],
    }
