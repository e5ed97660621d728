"""The match model with the authorities it reads ids by: what use cases need to compare records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from mpi.identity.demographics import Demographics
from mpi.identity.identifiers import AuthorityRegistry, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.matching.blocking import blocking_keys
from mpi.matching.comparable import ComparableRecord
from mpi.matching.match_model import MatchModel
from mpi.matching.normalize import normalize_record
from mpi.matching.scoring import MatchScore, score_pair

_REMEMBERED_RECORDS = 50_000


class Canonical(NamedTuple):
    """The canonical form of a record and its blocking keys."""

    record: ComparableRecord
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Normalises once, and gives the same canonical record to blocking and to comparison.

    An identifier of an unregistered authority is kept but is no evidence: it links nobody by itself. What was made
    canonical lately is remembered: a record is read again each time a neighbour is placed.
    """

    model: MatchModel
    authorities: AuthorityRegistry
    max_candidates: int = 200
    _canonical: Callable[[tuple[PatientIdentifier, ...], Demographics], Canonical] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        strong = frozenset(a.name for a in self.authorities.by_name.values() if a.strong)

        def make(identifiers: tuple[PatientIdentifier, ...], demographics: Demographics) -> Canonical:
            record = normalize_record(self.registered(identifiers), demographics, strong_authorities=strong)
            return Canonical(record, blocking_keys(record))

        object.__setattr__(self, "_canonical", lru_cache(_REMEMBERED_RECORDS)(make))

    def comparable(self, record: SourceRecord) -> ComparableRecord:
        return self._of(record).record

    def blocking_keys(self, record: SourceRecord) -> frozenset[str]:
        """Of a record that may be linked: a held one is nobody's candidate, a retired one no record any more."""
        return self._of(record).keys if record.is_active and not record.is_held else frozenset()

    def score(self, one: ComparableRecord, other: ComparableRecord) -> MatchScore:
        return score_pair(one, other, self.model)

    def _of(self, record: SourceRecord) -> Canonical:
        return self._canonical((record.identifier, *record.asserted_identifiers), record.demographics)

    def registered(self, identifiers: Iterable[PatientIdentifier]) -> list[PatientIdentifier]:
        """Those of registered authorities, in order."""
        return [i for i in identifiers if self.authorities.is_registered(i.assigning_authority)]
