"""Under which numbers is this patient known, and where? The answer to a PIX query. Source: IHE ITI TF-2 3.9."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mpi.identity.identifiers import PatientIdentifier
from mpi.usecases.resolve_identity import ResolvedIdentity


@dataclass(frozen=True, slots=True)
class KnownAs:
    """One number of the person; ``survivor`` is set when it is not to be used any more."""

    identifier: PatientIdentifier
    survivor: PatientIdentifier | None = None


@dataclass(frozen=True, slots=True)
class CrossReference:
    """The person's numbers, current ones first, and whether staff still look at some of its records."""

    person: ResolvedIdentity
    known_as: tuple[KnownAs, ...]


def cross_reference(person: ResolvedIdentity, authorities: Collection[str] | None) -> CrossReference:
    """Numbers of these authorities only, of all when ``None``; those that were sent beside a record are among them."""
    current = [KnownAs(record.identifier) for record in person.records]
    retired = [KnownAs(old, survivor) for old, survivor in person.retired_identifiers]
    wanted = [k for k in (*current, *retired) if authorities is None or k.identifier.assigning_authority in authorities]
    return CrossReference(person, tuple(wanted))
