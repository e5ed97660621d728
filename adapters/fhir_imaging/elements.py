"""Lenient access to the elements of a FHIR resource: what servers send, not only what a version allows.

A missing element, an empty one, ``null`` and one of another shape are all *not there*.
Source: FHIR R4 and R5 ImagingStudy, STU3 ImagingStudy, data types Identifier, Coding, CodeableConcept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from federation.imaging.archive_values import clean_text

Resource = Mapping[str, Any]

OID_PREFIX = "urn:oid:"
_ACCESSION = "ACSN"


@dataclass(frozen=True, slots=True, repr=False)
class Identifier:
    """One identifier; ``system`` is empty when none is given. ``type_codes`` are codes whatever their system."""

    system: str
    value: str
    type_codes: frozenset[str] = frozenset()

    @property
    def is_accession_number(self) -> bool:
        return _ACCESSION in self.type_codes


def text(resource: Resource, name: str) -> str | None:
    """A cleaned text, or a number as text; ``None`` when there is none."""
    value = resource.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return clean_text(str(value)) or None


def part(resource: Resource, name: str) -> Resource:
    """A nested element, empty when there is none; the first one of a list."""
    return next(parts(resource, name), {})


def parts(resource: Resource, name: str) -> Iterator[Resource]:
    """Nested elements; a lone one counts as a list of one."""
    value = resource.get(name)
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            yield item


def texts(resource: Resource, name: str) -> tuple[str, ...]:
    """Texts of a list, or a lone text as a list of one."""
    value = resource.get(name)
    listed = value if isinstance(value, list) else [value]
    found = (clean_text(item) for item in listed if isinstance(item, str))
    return tuple(item for item in found if item)


def identifiers(resource: Resource, name: str = "identifier") -> Iterator[Identifier]:
    """Identifiers that have a value."""
    for item in parts(resource, name):
        value = text(item, "value")
        if value is not None:
            codes = frozenset(code for kind in parts(item, "type") for _, code, _ in codings(kind))
            yield Identifier(text(item, "system") or "", value, codes)


def codings(element: Resource) -> Iterator[tuple[str, str, str]]:
    """(system, code, display) of a Coding, a CodeableConcept or a CodeableReference."""
    concept = element.get("concept")
    if isinstance(concept, Mapping):
        yield from codings(concept)
    for coding in [element, *parts(element, "coding")]:
        code = text(coding, "code")
        if code is not None:
            yield text(coding, "system") or "", code, text(coding, "display") or ""


def words(element: Resource) -> str | None:
    """What people read of a coded element: its text, else the first display."""
    concept = part(element, "concept")
    own = text(element, "text") or text(concept, "text") or text(element, "display")
    return own or next((display for _, _, display in codings(element) if display), None)


def without_oid_prefix(value: str) -> str:
    """``urn:oid:1.2.3`` and ``1.2.3`` are one UID."""
    return value[len(OID_PREFIX) :] if value.lower().startswith(OID_PREFIX) else value
