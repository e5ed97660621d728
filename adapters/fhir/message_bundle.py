"""The Patient Identity Feed as a message: a bundle with a header and the patients' histories. Pure.

Source: IHE PMIR 2:3.93 (ITI-93), FHIR R4 2.38 (Bundle), 2.4 (messaging). Patients stand in a history bundle inside the
message, or, as some senders have it, beside the header.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from adapters.fhir.identifier_systems import IdentifierSystems
from adapters.fhir.patient_links import PatientLink
from adapters.fhir.patient_mapping import PatientSaid, read_instant, read_patient
from adapters.fhir.resource_fields import Element, ResourceRefused, resource

PATIENT_FEED_EVENT = "urn:ihe:iti:pmir:2019:patient-feed"


@dataclass(frozen=True, slots=True)
class FeedMessage:
    """A whole message. ``message_id`` is what the sender calls it; ``sent_at`` when it says it was made."""

    message_id: str
    sender: str
    sent_at: dt.datetime | None
    patients: tuple[PatientSaid, ...]


def read_message(value: object, systems: IdentifierSystems, *, today: dt.date) -> FeedMessage:
    """Read a message bundle.

    Raises:
        ResourceRefused: not a message, another event, an entry that is to be deleted, or a patient that cannot be read.
    """
    bundle = resource(value, "Bundle")
    if bundle.text("type") != "message":
        raise ResourceRefused("invalid", "type", "is not message")
    entries = list(_entries(bundle))
    header = next((r for _, r in entries if r.fields.get("resourceType") == "MessageHeader"), None)
    if header is None:
        raise ResourceRefused("required", "entry", "no MessageHeader")
    if header.text("eventUri") != PATIENT_FEED_EVENT:
        raise ResourceRefused("not-supported", header.at("eventUri"), "is not the patient identity feed")
    inner = [pair for _, r in entries if r.fields.get("resourceType") == "Bundle" for pair in _entries(r)]
    found = [pair for pair in (*entries, *inner) if pair[1].fields.get("resourceType") == "Patient"]
    if not found:
        raise ResourceRefused("required", "entry", "no Patient")
    source = header.element("source")
    return FeedMessage(
        message_id=bundle.text("id") or header.text("id"),
        sender="" if source is None else source.text("endpoint"),
        sent_at=read_instant(bundle.text("timestamp")),
        patients=tuple(_with_known_links(found, systems, today)),
    )


def _entries(bundle: Element) -> Iterator[tuple[Element, Element]]:
    """(entry, its resource)."""
    for entry in bundle.elements("entry"):
        request = entry.element("request")
        if request is not None and request.text("method").upper() == "DELETE":
            raise ResourceRefused("not-supported", request.at("method"), "patients are not deleted")
        inside = entry.element("resource")
        if inside is not None:
            yield entry, inside


def _with_known_links(
    found: list[tuple[Element, Element]], systems: IdentifierSystems, today: dt.date
) -> Iterator[PatientSaid]:
    read = [(e.text("fullUrl"), read_patient(p.fields, systems, today=today, path=p.path)) for e, p in found]
    by_reference = {f"Patient/{said.resource_id}": said for _, said in read if said.resource_id}
    by_reference |= {url: said for url, said in read if url}
    for _, said in read:
        yield replace(said, links=tuple(_resolved(link, by_reference) for link in said.links))


def _resolved(link: PatientLink, by_reference: dict[str, PatientSaid]) -> PatientLink:
    if link.identifiers or link.reference not in by_reference:
        return link
    return replace(link, identifiers=by_reference[link.reference].identifiers)
