"""The match model with the authorities it reads ids by: what use cases need to compare records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mpi.identity.identifiers import AuthorityRegistry, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.matching.blocking import blocking_keys
from mpi.matching.comparable import ComparableRecord
from mpi.matching.match_model import MatchModel
from mpi.matching.normalize import normalize_record
from mpi.matching.scoring import MatchScore, score_pair


@dataclass(frozen=True, slots=True)
class Matcher:
    """Normalises once, and gives the same canonical record to blocking and to comparison.

    An identifier of an unregistered authority is kept but is no evidence: it links nobody by itself.
    """

    model: MatchModel
    authorities: AuthorityRegistry
    max_candidates: int = 200
    _strong: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        strong = frozenset(a.name for a in self.authorities.by_name.values() if a.strong)
        object.__setattr__(self, "_strong", strong)

    def comparable(self, record: SourceRecord) -> ComparableRecord:
        known = self._registered((record.identifier, *record.asserted_identifiers))
        return normalize_record(known, record.demographics, strong_authorities=self._strong)

    def blocking_keys(self, record: SourceRecord) -> frozenset[str]:
        return blocking_keys(self.comparable(record)) if record.is_active else frozenset()

    def score(self, one: ComparableRecord, other: ComparableRecord) -> MatchScore:
        return score_pair(one, other, self.model)

    def _registered(self, identifiers: Iterable[PatientIdentifier]) -> list[PatientIdentifier]:
        return [i for i in identifiers if self.authorities.is_registered(i.assigning_authority)]
