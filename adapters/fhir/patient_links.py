"""``Patient.link``: which other patient a resource was replaced by, or replaces. Source: FHIR R4 Patient.link, PMIR.

The other one is named by identifier, by a conditional reference (``Patient?identifier=system|value``), or by reference
to a resource that came along: contained (``#id``) or in the same bundle (``fullUrl`` or ``Patient/id``).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from adapters.fhir.identifier_systems import IdentifierSystems
from adapters.fhir.resource_fields import Element, ResourceRefused
from mpi.identity.identifiers import PatientIdentifier

REPLACED_BY, REPLACES = "replaced-by", "replaces"
_ABOUT_MERGES = frozenset({REPLACED_BY, REPLACES})
_CONDITIONAL = "Patient?"


@dataclass(frozen=True, slots=True)
class PatientLink:
    """A link about a merge. ``identifiers`` are the other one's, empty when only ``reference`` names it."""

    kind: str
    identifiers: tuple[PatientIdentifier, ...]
    reference: str
    path: str


def patient_links(patient: Element, systems: IdentifierSystems) -> tuple[PatientLink, ...]:
    """The links about merges; ``seealso`` and ``refer`` say nothing that this index acts on."""
    return tuple(
        _link(link, patient, systems)
        for link in patient.elements("link")
        if link.text("type").casefold() in _ABOUT_MERGES
    )


def _link(link: Element, patient: Element, systems: IdentifierSystems) -> PatientLink:
    kind, other = link.text("type").casefold(), link.element("other")
    if other is None:
        raise ResourceRefused("required", link.at("other"), "is missing")
    reference = other.text("reference")
    identifiers = _named_in(other, systems) or _conditional(reference, other, systems)
    if not identifiers and reference.startswith("#"):
        contained = [c for c in patient.elements("contained") if c.text("id") == reference[1:]]
        identifiers = tuple(i for c in contained for i in systems.identifiers(c))
    if not identifiers and not reference:
        raise ResourceRefused("required", other.path, "names no patient")
    return PatientLink(kind, identifiers, reference, other.path)


def _named_in(other: Element, systems: IdentifierSystems) -> tuple[PatientIdentifier, ...]:
    element = other.element("identifier")
    if element is None or not element.text("value"):
        return ()
    return (systems.identifier(element.text("system"), element.text("value"), element.path),)


def _conditional(reference: str, other: Element, systems: IdentifierSystems) -> tuple[PatientIdentifier, ...]:
    _, found, query = reference.partition(_CONDITIONAL)
    if not found:
        return ()
    tokens = [value for name, value in parse_qsl(query) if name == "identifier"]
    return tuple(systems.token(token, other.at("reference")) for token in tokens)
