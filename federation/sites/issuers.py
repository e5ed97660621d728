"""Patient identifiers as archives write them, and which of them may be asked for. Whatever the protocol.

Source: DICOM PS3.4 C.2.2.2.4 (``*`` and ``?`` match anything, there is no way to escape them).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from federation.errors import QueryRefused
from mpi.identity.identifiers import AuthorityRegistry, PatientIdentifier

_WILDCARDS = frozenset("*?\\")
_LONGEST_PATIENT_ID = 64


@dataclass(frozen=True, slots=True)
class IssuerNames:
    """How issuers are written in a site's archive: registered authorities, and further names for the site's own."""

    authorities: AuthorityRegistry = field(default_factory=AuthorityRegistry)
    own_aliases: frozenset[str] = frozenset()

    def authority_of(self, namespace: str, universal_id: str, own: str) -> str:
        """The authority that an issuer means; its own text when nobody registered it, '' when nothing is given."""
        if namespace in self.own_aliases or (universal_id and universal_id in self.own_aliases):
            return own
        if namespace == own and not self.authorities.is_registered(self.authorities.canonical_name("", universal_id)):
            return own
        by_namespace = self.authorities.canonical_name(namespace)
        by_universal_id = self.authorities.canonical_name("", universal_id)
        if by_namespace and by_universal_id and self.authorities.is_registered(by_universal_id):
            both_known = self.authorities.is_registered(by_namespace) and by_namespace != by_universal_id
            return f"{by_namespace}&{by_universal_id}" if both_known else by_universal_id
        return by_namespace or by_universal_id


def check_identifier(identifier: PatientIdentifier) -> None:
    """Refuse ids that an archive would take for a pattern or a list.

    Raises:
        QueryRefused: ``wildcard_in_identifier`` or ``unusable_identifier``.
    """
    number = identifier.local_patient_id
    if _WILDCARDS & set(number):
        raise QueryRefused("wildcard_in_identifier", "an id with a wildcard or list character is never asked for")
    if not number.isprintable() or len(number) > _LONGEST_PATIENT_ID:
        raise QueryRefused(
            "unusable_identifier", "an id with control characters or beyond 64 characters is no Patient ID"
        )
