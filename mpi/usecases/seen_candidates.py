"""Records that share a key, as the asker may see them: whoever is hidden neither fills the list nor says it was cut."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.ports import Candidates, UnitOfWork

Seen = Callable[[EnterpriseId], Collection[PatientIdentifier]]
"""The numbers of a person's records that the asker may see; none when there is no such person for them."""

_REACHES = (2, 4, 16)
"""So many times the limit is looked through; a list that is not full by then says that it was cut."""


def seen_candidates(keys: frozenset[str], *, limit: int, uow: UnitOfWork, seen: Seen | None) -> Candidates:
    """At most ``limit`` records, those that share most keys first. ``seen`` ``None``: all may be seen.

    A list that is not cut may hold hidden records: nobody is passed over for them, and who compares leaves them out.
    """
    found = uow.records.sharing_keys(keys, limit=limit)
    if seen is None or not found.truncated:
        return found
    for reach in _REACHES:
        found = uow.records.sharing_keys(keys, limit=limit * reach)
        shown = tuple(r for r in found.records if r.enterprise_id is not None and r.identifier in seen(r.enterprise_id))
        if len(shown) > limit or not found.truncated:
            return Candidates(shown[:limit], truncated=len(shown) > limit)
    return Candidates(shown, truncated=True)
