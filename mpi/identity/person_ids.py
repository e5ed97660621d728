"""Which enterprise id a person keeps when the records of a neighbourhood are dealt out anew.

Rule: an id stays with the cluster that holds most of the records that had it (records that only stand for a number
count when nothing else does); ties go to the cluster with the smallest identifier. A cluster that has a choice takes
the id that most of its records had, ties to the id of its smallest identifier. What is left is a new person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mpi.identity.identifiers import EnterpriseId, PatientIdentifier


class Held(NamedTuple):
    """The enterprise id a record has now; ``has_evidence`` is false for a record that only stands for a number."""

    enterprise_id: EnterpriseId | None
    has_evidence: bool = True


class _Claim(NamedTuple):
    """Sorted best first: by how many records, then by the smallest identifier that had the id."""

    minus_evidence: int
    minus_records: int
    smallest: PatientIdentifier
    cluster: int
    enterprise_id: EnterpriseId


def assign_person_ids(
    clusters: Sequence[Sequence[PatientIdentifier]],
    held: Mapping[PatientIdentifier, Held],
    *,
    keep: Mapping[PatientIdentifier, EnterpriseId] | None = None,
) -> list[EnterpriseId | None]:
    """The id of every cluster in order, ``None`` for a new person; no id twice.

    ``keep`` gives the cluster of a record an id before any rule is asked (a human named the survivor).
    """
    given: dict[int, EnterpriseId] = {}
    for number, members in enumerate(clusters):
        for member in sorted(set(keep or {}) & set(members)):
            given.setdefault(number, (keep or {})[member])
    taken = set(given.values())
    for claim in sorted(_claims(clusters, held)):
        if claim.cluster not in given and claim.enterprise_id not in taken:
            given[claim.cluster] = claim.enterprise_id
            taken.add(claim.enterprise_id)
    return [given.get(number) for number in range(len(clusters))]


def _claims(clusters: Sequence[Sequence[PatientIdentifier]], held: Mapping[PatientIdentifier, Held]) -> list[_Claim]:
    claims = []
    for number, members in enumerate(clusters):
        by_id: dict[EnterpriseId, list[PatientIdentifier]] = {}
        for member in sorted(members):
            enterprise_id = held[member].enterprise_id
            if enterprise_id is not None:
                by_id.setdefault(enterprise_id, []).append(member)
        for enterprise_id, holders in by_id.items():
            evidence = sum(held[holder].has_evidence for holder in holders)
            claims.append(_Claim(-evidence, -len(holders), holders[0], number, enterprise_id))
    return claims
