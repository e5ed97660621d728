"""Fetch all records that have to do with some records, so that who is one person can be decided on them alone.

Closed over: links by score, resemblance of the unnamed (a twin takes a newborn's link away), numbers sent together,
assertions, and members of the same persons. A neighbourhood of more than ``MOST_IN_CORE`` records is cut there and
says so; each record is compared with its ``max_candidates`` nearest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from mpi.identity.decisions import AlwaysLink
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.matching.comparable import ComparableRecord
from mpi.matching.guards import MatchDecision
from mpi.matching.neighbourhood import Neighbourhood
from mpi.matching.scoring import MatchScore, is_nameless
from mpi.ports import Candidates, UnitOfWork
from mpi.usecases.companions import has_evidence
from mpi.usecases.matcher import Matcher

MOST_IN_CORE = 300
"""Records of one neighbourhood that are dealt out together; real ones have a handful."""

NAMESAKE_MARGIN_BITS = 5.0
"""A rare name and a birth date alone link a record to a person of several records only with so much to spare."""


class LookAhead(NamedTuple):
    """What shares a key with some records, and the keys of those that a score would link to them."""

    candidates: Candidates
    likely_keys: frozenset[str]


def look_ahead(seeds: Collection[SourceRecord], *, uow: UnitOfWork, matcher: Matcher) -> LookAhead:
    """The first step of gathering: enough to know, mostly, what else has to be locked before the rest is read."""
    keys = {key for seed in seeds for key in matcher.blocking_keys(seed)}
    candidates = uow.records.sharing_keys(keys, limit=matcher.max_candidates * len(seeds))
    likely: set[str] = set()
    for candidate in candidates.records:
        theirs, comparable = matcher.blocking_keys(candidate), matcher.comparable(candidate)
        if has_evidence(candidate) and any(
            not theirs.isdisjoint(matcher.blocking_keys(seed))
            and _belong_together(matcher.score(matcher.comparable(seed), comparable))
            for seed in seeds
            if has_evidence(seed)
        ):
            likely |= theirs
    return LookAhead(candidates, frozenset(likely))


def gather_neighbourhood(
    seeds: Collection[SourceRecord],
    *,
    former: Collection[SourceRecord] = (),
    candidates: Candidates | None = None,
    uow: UnitOfWork,
    matcher: Matcher,
) -> Neighbourhood:
    """The neighbourhood of the records as they are to be (``seeds`` need not be stored yet).

    ``former`` are earlier states of some of them (or of records now retired): who was near then is near now.
    ``candidates`` are what ``look_ahead`` found for the seeds, where nobody can have written since.
    """
    gathering = Gathering(seeds, uow, matcher, candidates)
    for record in former:
        gathering.visit_former(record)
    gathering.close()
    return gathering.neighbourhood()


def _belong_together(scored: MatchScore) -> bool:
    return scored.decision is MatchDecision.LINK or (scored.decision is MatchDecision.REVIEW and is_nameless(scored))


class Gathering:
    """The work on one neighbourhood. ``most_in_core``: where it is cut."""

    def __init__(
        self,
        seeds: Collection[SourceRecord],
        uow: UnitOfWork,
        matcher: Matcher,
        candidates: Candidates | None = None,
        *,
        most_in_core: int = MOST_IN_CORE,
    ) -> None:
        self._of_seeds = candidates
        self._most_in_core = most_in_core
        self._uow = uow
        self._matcher = matcher
        self._changed = {record.identifier: record for record in seeds}
        self._records: dict[str, SourceRecord] = {str(i): r for i, r in self._changed.items()}
        self._core: dict[str, SourceRecord] = {}
        self._waiting: dict[str, SourceRecord] = dict(self._records)
        self._near: dict[str, SourceRecord] = {}
        self._near_by_key: dict[str, list[str]] = {}
        self._keys: dict[str, frozenset[str]] = {}
        self._comparables: dict[str, ComparableRecord] = {}
        self._scores: dict[tuple[str, str], MatchScore] = {}
        self._pairs: dict[tuple[str, str], MatchScore] = {}
        self._persons: set[EnterpriseId] = set()
        self._looked_up: set[str] = set()
        self._always: tuple[AlwaysLink, ...] = ()
        self._is_truncated = False

    def visit_former(self, record: SourceRecord) -> None:
        """Whoever was linked to the earlier state joins the core; so do members of its person."""
        keys = self._matcher.blocking_keys(record)
        found = self._uow.records.sharing_keys(keys, limit=self._matcher.max_candidates).records
        comparable = self._matcher.comparable(record)
        for candidate in found:
            if candidate.identifier == record.identifier:
                continue
            if (
                not has_evidence(candidate)
                or self._is_sent_with(record, candidate)
                or _belong_together(self._matcher.score(comparable, self._matcher.comparable(candidate)))
            ):
                self._await(candidate)
        self._await_members([record])

    def close(self) -> None:
        """Everybody near, then partners of assertions (members of their persons already, as a rule), until no more."""
        while self._waiting:
            self._close_by_evidence()
            self._await_partners()

    def _close_by_evidence(self) -> None:
        while self._waiting:
            frontier, self._waiting = self._waiting, {}
            if len(self._core) + len(frontier) > self._most_in_core:
                self._is_truncated = True
                frontier = dict(sorted(frontier.items())[: max(0, self._most_in_core - len(self._core))])
            self._core |= frontier
            if not frontier:
                break
            self._await_members(frontier.values())
            self._await_numbers(frontier.values())
            self._visit_candidates(frontier)

    def _visit_candidates(self, frontier: Mapping[str, SourceRecord]) -> None:
        keys = {key for name, record in frontier.items() for key in self._keys_of(name, record)} - self._looked_up
        if keys:
            self._looked_up |= keys
            found, self._of_seeds = self._of_seeds, None
            if found is None:
                found = self._uow.records.sharing_keys(keys, limit=self._matcher.max_candidates * len(frontier))
            self._is_truncated |= found.truncated
            self._come_near(self._changed.values() if not self._near else ())
            self._come_near(found.records)
        for name, record in frontier.items():
            shared = (self._near_by_key.get(key, ()) for key in self._keys_of(name, record))
            for other in dict.fromkeys(name for names in shared for name in names):
                if other != name:
                    self._compare(record, self._near[other], other)

    def _come_near(self, records: Iterable[SourceRecord]) -> None:
        for record in records:
            name = str(record.identifier)
            if name not in self._near:
                self._near[name] = current = self._current(record)
                for key in self._keys_of(name, current):
                    self._near_by_key.setdefault(key, []).append(name)

    def _keys_of(self, name: str, record: SourceRecord) -> frozenset[str]:
        """The blocking keys of the record as it counts here; it is the same one whenever it is asked for."""
        if name not in self._keys:
            self._keys[name] = self._matcher.blocking_keys(record)
        return self._keys[name]

    def _compare(self, record: SourceRecord, candidate: SourceRecord, key: str) -> None:
        if self._is_sent_with(record, candidate) or self._is_sent_with(candidate, record):
            self._await(candidate)
        if not (has_evidence(record) and has_evidence(candidate)):
            return
        mine = str(record.identifier)
        pair = (mine, key) if mine < key else (key, mine)
        self._records.setdefault(key, candidate)
        scored = self.score(*pair)
        if _belong_together(scored):
            self._await(candidate)
        if scored.decision is not MatchDecision.NO:
            self._pairs[pair] = scored

    def score(self, a: str, b: str) -> MatchScore:
        pair = (a, b) if a < b else (b, a)
        if pair not in self._scores:
            self._scores[pair] = self._matcher.score(self._comparable(pair[0]), self._comparable(pair[1]))
        return self._scores[pair]

    def _comparable(self, name: str) -> ComparableRecord:
        if name not in self._comparables:
            self._comparables[name] = self._matcher.comparable(self._records[name])
        return self._comparables[name]

    def _is_sent_with(self, record: SourceRecord, number: SourceRecord) -> bool:
        return number.identifier in record.asserted_identifiers and self._matcher.authorities.is_registered(
            number.identifier.assigning_authority
        )

    def _await(self, record: SourceRecord) -> None:
        key, current = str(record.identifier), self._current(record)
        self._records[key] = current
        if key not in self._core:
            self._waiting[key] = current

    def _current(self, record: SourceRecord) -> SourceRecord:
        return self._changed.get(record.identifier, record)

    def _await_members(self, records: Iterable[SourceRecord]) -> None:
        persons = {r.enterprise_id for r in records if r.enterprise_id is not None} - self._persons
        self._persons |= persons
        for members in self._uow.records.of_persons(persons).values() if persons else ():
            for member in members:
                self._await(member)

    def _await_partners(self) -> None:
        placed = [record.identifier for record in self._core.values() if record.link is not None]
        if placed:
            self._always = self._uow.decisions.always_links_of(placed)
            self._await_known({i for link in self._always for i in link.pair})

    def _await_numbers(self, records: Iterable[SourceRecord]) -> None:
        """Numbers sent with a record, also those that share no key with it (an unusable number)."""
        self._await_known({i for r in records for i in self._matcher.registered(r.asserted_identifiers)})

    def _await_known(self, identifiers: Iterable[PatientIdentifier]) -> None:
        wanted = [i for i in identifiers if str(i) not in self._core and str(i) not in self._waiting]
        for partner in self._uow.records.get_many(wanted).values() if wanted else ():
            if partner.is_active:
                self._await(partner)

    def neighbourhood(self) -> Neighbourhood:
        fringe = {key for pair in self._pairs for key in pair} - set(self._core)
        persons = {self._records[key].enterprise_id for key in fringe}
        members = self._uow.records.of_persons({p for p in persons if p is not None}) if persons else {}
        around = {
            str(r.identifier): r
            for records in members.values()
            for r in records
            if str(r.identifier) not in self._core and r.identifier not in self._changed
        }
        records = {**around, **self._core}
        self._records.update(records)
        asserted = self._asserted()
        has_choice = bool(self._pairs or asserted or self._always)
        return Neighbourhood(
            records=records,
            core=frozenset(self._core),
            pairs={pair: score for pair, score in self._pairs.items() if set(pair) <= set(records)},
            always=self._always,
            never=self._uow.reviews.never_links_of([r.identifier for r in self._core.values()]) if has_choice else (),
            asserted=asserted,
            score=self.score,
            has_evidence=lambda key: has_evidence(records[key]),
            namesake_joins_from=self._matcher.model.upper + NAMESAKE_MARGIN_BITS,
            is_truncated=self._is_truncated,
        )

    def _asserted(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (key, str(number))
            for key, record in self._core.items()
            for number in self._matcher.registered(record.asserted_identifiers)
            if str(number) in self._core
        )
