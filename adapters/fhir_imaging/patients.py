"""Whose studies are asked for, and whether a resource is about them. Two people's images must never be mixed.

A server may ignore a search parameter that it does not know and answer with everybody, so no Patient and no study is
taken on trust: each must carry, or refer to what carries, exactly the identifier asked for.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from adapters.fhir_imaging import elements
from adapters.fhir_imaging.elements import OID_PREFIX, Identifier, Resource, without_oid_prefix
from federation.sites.issuers import IssuerNames
from federation.sites.site import Site
from mpi.identity.identifiers import PatientIdentifier

_HISTORY = re.compile(r"/_history/[^/]*$")
_SEPARATORS = re.compile(r"([,|$])")


@dataclass(frozen=True, slots=True)
class Question:
    """One patient identifier put to one server. ``identifier_systems`` name the site's own numbers there."""

    site: Site
    identifier: PatientIdentifier
    now: dt.datetime
    issuers: IssuerNames = field(default_factory=IssuerNames)
    identifier_systems: tuple[str, ...] = ()

    @property
    def search_value(self) -> str:
        """The token that asks for the identifier, under every system it may have. Source: FHIR R4 search, token."""
        number = _SEPARATORS.sub(r"\\\1", self.identifier.local_patient_id)
        return ",".join(f"{system}|{number}" for system in self._systems()) or number

    def is_meant_by(self, identifiers: Iterable[Identifier]) -> bool:
        """Whether these are the identifiers of the person asked for.

        One without a system is the site's own, unless another of them says which number the site gave.
        """
        named = [i for i in identifiers if not i.is_accession_number]
        with_system = [i for i in named if i.system and self.authority_of(i.system) == self._asked_authority]
        candidates = with_system or [
            i for i in named if not i.system and self._asked_authority == self.site.assigning_authority
        ]
        return any(i.value == self.identifier.local_patient_id for i in candidates)

    def authority_of(self, system: str) -> str:
        """The authority behind a system; the system itself when nobody registered it."""
        own = self.site.assigning_authority
        if system in self.identifier_systems:
            return own
        if system.lower().startswith(OID_PREFIX):
            return self.issuers.authority_of("", without_oid_prefix(system), own)
        return self.issuers.authority_of(system, "", own)

    def other_identifiers(self, identifiers: Iterable[Identifier]) -> tuple[PatientIdentifier, ...]:
        """Numbers of registered authorities beside the one asked for."""
        found = (
            PatientIdentifier(self.authority_of(i.system), i.value)
            for i in identifiers
            if i.system and i.value != '""' and self.issuers.authorities.is_registered(self.authority_of(i.system))
        )
        return tuple(dict.fromkeys(other for other in found if other != self.identifier))

    @property
    def _asked_authority(self) -> str:
        return self.identifier.assigning_authority

    def _systems(self) -> Iterator[str]:
        authority = self.issuers.authorities.by_name.get(self._asked_authority)
        if self._asked_authority == self.site.assigning_authority and self.identifier_systems:
            yield from self.identifier_systems
        elif authority is not None and authority.oid is not None:
            yield OID_PREFIX + authority.oid


@dataclass(slots=True, repr=False)
class KnownPatients:
    """Patient resources seen so far, by every way a study may refer to them. ``base_url`` is without a slash."""

    question: Question
    base_url: str
    _patients: dict[str, Resource] = field(default_factory=dict)
    _ids: dict[str, None] = field(default_factory=dict)

    def add(self, patient: Resource, full_url: str | None = None) -> bool:
        """Remember a Patient; true if it is the one asked for."""
        reference = f"Patient/{elements.text(patient, 'id') or ''}"
        for name in (reference, self.reference_key(full_url or reference)):
            self._patients[name] = patient
        is_asked_for = self.question.is_meant_by(elements.identifiers(patient))
        if is_asked_for:
            self._ids.setdefault(reference)
        return is_asked_for

    @property
    def references(self) -> tuple[str, ...]:
        """``Patient/ID`` of everybody with the identifier asked for; servers may hold one person twice."""
        return tuple(self._ids)

    def reference_key(self, reference: str) -> str:
        """A reference in the one form it is looked up by: relative where it is of this server, without a version."""
        bare = _HISTORY.sub("", reference)
        return bare.removeprefix(self.base_url + "/")

    def patient_of(self, study: Resource) -> Resource | None:
        """The Patient that a study refers to, if it is known (or contained in the study)."""
        reference = reference_of(study)
        if reference.startswith("#"):
            contained = elements.parts(study, "contained")
            return next((c for c in contained if elements.text(c, "id") == reference[1:]), None)
        return self._patients.get(self.reference_key(reference))

    def verdict_on(self, study: Resource) -> bool | None:
        """Whether a study is the asked person's; ``None`` when it refers to a Patient that is not known yet."""
        own = list(elements.identifiers(subject_of(study)))
        if self._names_somebody_else(own):
            return False
        patient = self.patient_of(study)
        if patient is not None:
            return self.question.is_meant_by(elements.identifiers(patient))
        if own:
            return self.question.is_meant_by(own)
        is_readable = self.reference_key(reference_of(study)).startswith("Patient/")
        return None if is_readable else False

    def _names_somebody_else(self, own: list[Identifier]) -> bool:
        asked = self.question.identifier
        same_issuer = [i for i in own if i.system and self.question.authority_of(i.system) == asked.assigning_authority]
        return bool(same_issuer) and all(i.value != asked.local_patient_id for i in same_issuer)


def subject_of(study: Resource) -> Resource:
    """Whom a study is about: ``subject``, ``patient`` in STU3."""
    return elements.part(study, "subject") or elements.part(study, "patient")


def reference_of(study: Resource) -> str:
    """The reference of a study's subject, empty when it has none."""
    return elements.text(subject_of(study), "reference") or ""
