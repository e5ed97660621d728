"""What an archive is asked, and whether a row answers it. Two people's images must never be mixed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.dicom.attributes import (
    ISSUER_OF_PATIENT_ID,
    ISSUER_QUALIFIERS_SEQUENCE,
    PATIENT_ID,
    UNIVERSAL_ENTITY_ID,
    Attributes,
)
from federation.sites.issuers import IssuerNames
from federation.sites.site import Site
from mpi.identity.identifiers import PatientIdentifier


@dataclass(frozen=True, slots=True)
class Question:
    """One patient identifier put to one site."""

    site: Site
    identifier: PatientIdentifier
    now: dt.datetime
    issuers: IssuerNames = field(default_factory=IssuerNames)

    def is_answered_by(self, row: Attributes) -> bool:
        """Whether a row is about exactly this identifier; a row without an issuer is the site's own."""
        if set(row.all_texts(PATIENT_ID)) != {self.identifier.local_patient_id}:
            return False
        return self.authority_of(row) == self.identifier.assigning_authority

    def authority_of(self, row: Attributes) -> str:
        """Who issued the row's id; two that contradict each other are nobody registered.

        A universal id that nobody registered says nothing against a namespace that is the site's own.
        """
        own = self.site.assigning_authority
        issuers = tuple(_issuers_of(row))
        named = {self.issuers.authority_of(*issuer, own) for issuer in issuers} or {own}
        if own in named:
            named -= {universal_id for _, universal_id in issuers if not self._is_known(universal_id)}
        return named.pop() if len(named) == 1 else "&".join(sorted(named))

    def _is_known(self, universal_id: str) -> bool:
        authorities = self.issuers.authorities
        return authorities.is_registered(authorities.canonical_name("", universal_id))

    def other_identifier(self, item: Attributes) -> PatientIdentifier | None:
        """A further id from Other Patient IDs; without an issuer it identifies nobody."""
        number = item.text(PATIENT_ID)
        if number is None or not any(True for _ in _issuers_of(item)):
            return None
        authority = self.authority_of(item)
        if "&" in authority or _is_null(number) or _is_null(authority):
            return None
        other = PatientIdentifier(authority, number)
        return None if other == self.identifier else other


def _issuers_of(row: Attributes) -> Iterator[tuple[str, str]]:
    """(namespace, universal id) of (0010,0021) and of (0010,0024); the HL7 form ``NS&OID&ISO`` is taken too."""
    text = row.text(ISSUER_OF_PATIENT_ID)
    if text is not None:
        namespace, _, rest = text.partition("&")
        yield namespace.strip(), rest.partition("&")[0].strip()
    for item in row.sequence(ISSUER_QUALIFIERS_SEQUENCE):
        universal_id = item.text(UNIVERSAL_ENTITY_ID)
        if universal_id is not None:
            yield "", universal_id


def _is_null(text: str) -> bool:
    return not text.strip() or text.strip() == '""'
