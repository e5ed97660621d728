"""``Identifier.system`` and assigning authorities, both ways. Source: FHIR R4 2.24.0.5 (Identifier), IHE PIXm 2:3.83.

A system is the OID of a registered authority (``urn:oid:...``), a URL that the settings give it, or its plain name.
Any other system names an authority that is not registered: its numbers are kept and found, but link nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.fhir.resource_fields import Element, ResourceRefused
from mpi.errors import InvalidIdentifier
from mpi.identity.identifiers import AuthorityRegistry, PatientIdentifier

US_SOCIAL_SECURITY = frozenset({"http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"})
LONGEST_IDENTIFIER = 500
"""Authority and number together; far below what a database index takes."""
_OID_URN = "urn:oid:"
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")


@dataclass(frozen=True, slots=True)
class IdentifierSystems:
    """``urls`` gives registered authorities (by name) a system of their own."""

    registry: AuthorityRegistry
    urls: Mapping[str, str] = field(default_factory=dict)

    def authority(self, system: str) -> str:
        """The authority that a system names; an unknown system stands for itself."""
        for name, url in self.urls.items():
            if url == system:
                return name
        if system.lower().startswith(_OID_URN):
            oid = system[len(_OID_URN) :]
            return self.registry.canonical_name("", oid)
        return system

    def system(self, authority: str) -> str:
        """The system by which an authority is told to others."""
        if authority in self.urls:
            return self.urls[authority]
        known = self.registry.by_name.get(authority)
        oid = known.oid if known is not None else authority
        return f"{_OID_URN}{oid}" if oid and _OID.fullmatch(oid) else authority

    def knows(self, system: str) -> bool:
        """Whether the system names a registered authority."""
        return self.registry.is_registered(self.authority(system))

    def identifier(self, system: str, value: str, path: str) -> PatientIdentifier:
        """The identifier.

        Raises:
            ResourceRefused: no system, no value, or longer than any that is issued.
        """
        try:
            found = PatientIdentifier(self.authority(system), value)
        except InvalidIdentifier as error:
            raise ResourceRefused("required", path, str(error)) from error
        if len(str(found)) > LONGEST_IDENTIFIER:
            raise ResourceRefused("too-long", path, "patient identifier is too long")
        return found

    def token(self, text: str, path: str) -> PatientIdentifier:
        """Read ``system|value``, the form of search parameters."""
        system, bar, value = text.partition("|")
        if not bar:
            raise ResourceRefused("value", path, "expected system|value")
        return self.identifier(system.strip(), value.strip(), path)

    def identifiers(self, patient: Element) -> tuple[PatientIdentifier, ...]:
        """All usable identifiers, each once, those in use before old ones. Entries without system or value name
        nobody; a social security number is no identifier here (see ``social_security_digits``)."""
        current: list[PatientIdentifier] = []
        old: list[PatientIdentifier] = []
        for element in patient.elements("identifier"):
            system, value = element.text("system"), element.text("value")
            if system and value and system not in US_SOCIAL_SECURITY:
                found = self.identifier(system, value, element.path)
                (old if element.text("use") == "old" else current).append(found)
        return tuple(dict.fromkeys(current or old))


def social_security_digits(patient: Element) -> str:
    """The last four digits of a US social security number, or empty text."""
    for element in patient.elements("identifier"):
        if element.text("system") in US_SOCIAL_SECURITY:
            digits = "".join(c for c in element.text("value") if c in "0123456789")
            if len(digits) >= 4:
                return digits[-4:]
    return ""


def identifier_json(identifier: PatientIdentifier, systems: IdentifierSystems, *, use: str = "") -> dict[str, str]:
    """The identifier as FHIR writes it."""
    written = {"system": systems.system(identifier.assigning_authority), "value": identifier.local_patient_id}
    return {"use": use, **written} if use else written
