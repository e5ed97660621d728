"""Who is one person among records that have to do with one another: one pure decision, the same in any order.

    words (staff, messages, numbers sent together) -> groups -> links best first, guarded -> persons and questions

A neighbourhood is closed: no record outside it would be linked to one of its *core*. So deciding it alone gives what
deciding the whole index would give (unless it was cut, see ``is_truncated``). The *fringe* are persons that resemble
one of the core closely enough to ask; they are not dealt out anew. A record that staff hold is a person by itself, with
the numbers that stand for it alone: no word and no score is asked about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mpi.identity.contradiction import contradictions
from mpi.identity.decisions import AlwaysLink
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.records import LinkSource, SourceRecord
from mpi.identity.review import NeverLink, ReviewKind
from mpi.matching.binding import Bound, Word, WordOf, bind
from mpi.matching.clustering import Clustering, ScoredPair, cluster_pairs
from mpi.matching.guards import MatchDecision
from mpi.matching.scoring import MatchScore, has_support, is_nameless

NEVER_LINK = "never_link"
"""Stands among the guards of a question when *not the same person* was said of a neighbour."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Active records by ``str(identifier)``. ``pairs`` are scored pairs that may link or are worth a question.

    ``asserted`` are (record, number sent with it) where both are in the core. ``score`` scores any two that have
    evidence; ``has_evidence`` is false for a record that only stands for a number. ``namesake_joins_from``: the score
    with which a record joins a person of several though nothing beside name, birth date and sex agrees.
    """

    records: Mapping[str, SourceRecord]
    core: frozenset[str]
    pairs: Mapping[tuple[str, str], MatchScore]
    always: tuple[AlwaysLink, ...]
    never: tuple[NeverLink, ...]
    asserted: frozenset[tuple[str, str]]
    score: Callable[[str, str], MatchScore]
    has_evidence: Callable[[str], bool]
    namesake_joins_from: float
    is_truncated: bool = False


class Question(NamedTuple):
    """What to ask staff about two records; ``score`` is ``None`` when a word was not followed."""

    kind: ReviewKind
    left: PatientIdentifier
    right: PatientIdentifier
    score: MatchScore | None
    guards: tuple[str, ...]
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Persons:
    """``clusters`` deal out the core, every record once. ``persons`` has the fringe too: what is one person."""

    clusters: tuple[tuple[PatientIdentifier, ...], ...]
    persons: Mapping[PatientIdentifier, int]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class _Apart:
    """Which two records may not be one person. ``numbers``: those that only stand for a record, by record."""

    hood: Neighbourhood
    never: frozenset[tuple[str, str]]
    numbers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    known: dict[tuple[str, str], bool] = field(default_factory=dict)

    def is_said(self, a: str, b: str) -> bool:
        return _pair(a, b) in self.never

    def contradicts(self, a: str, b: str) -> bool:
        records = self.hood.records
        return contradictions(records[a].demographics, records[b].demographics).is_other_person

    def by_word(self, word_of: WordOf, a: str, b: str) -> bool:
        return self.is_said(a, b) or (word_of is WordOf.SENT_TOGETHER and self.contradicts(a, b))

    def by_evidence(self, a: str, b: str) -> bool:
        pair = _pair(a, b)
        if pair not in self.known:
            comparable = self.hood.has_evidence(a) and self.hood.has_evidence(b)
            mine, yours = (a, *self.numbers.get(a, ())), (b, *self.numbers.get(b, ()))
            self.known[pair] = any(self.is_said(x, y) for x in mine for y in yours) or (
                comparable and any(guard.vetoes for guard in self.hood.score(*pair).guards)
            )
        return self.known[pair]


def decide_persons(hood: Neighbourhood) -> Persons:
    """Deal the core out into persons."""
    apart = _Apart(hood, frozenset(_pair(str(n.left), str(n.right)) for n in hood.never))
    bound = bind(_words(hood), apart.by_word)
    groups = (*bound.groups, *_fringe_persons(hood))
    for group in groups:
        numbers = tuple(key for key in group if not hood.has_evidence(key))
        apart.numbers.update((key, numbers) for key in group if numbers and hood.has_evidence(key))
    clustering = cluster_pairs(
        _links(hood, apart),
        apart.by_evidence,
        together=_with_evidence(hood, groups),
        namesake_joins_from=hood.namesake_joins_from,
    )
    persons = _persons(hood, bound, clustering)
    dealt: dict[int, list[PatientIdentifier]] = {}
    for key in sorted(hood.core):
        dealt.setdefault(persons[key], []).append(hood.records[key].identifier)
    questions = (*_doubts(hood, clustering, apart), *_refused(hood, bound, persons, apart))
    return Persons(
        clusters=tuple(sorted(tuple(sorted(members)) for members in dealt.values())),
        persons={hood.records[key].identifier: number for key, number in persons.items()},
        questions=questions,
    )


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)


def _words(hood: Neighbourhood) -> Iterator[Word]:
    for link in hood.always:
        a, b = str(link.left), str(link.right)
        if a in hood.core and b in hood.core and not (hood.records[a].is_held or hood.records[b].is_held):
            is_staff = link.link_source is LinkSource.MANUAL
            yield _word(hood, WordOf.STAFF if is_staff else WordOf.MESSAGE, *_pair(a, b))
    for record, number in hood.asserted:
        if _is_held_apart(hood, record, number):
            continue
        yield _word(hood, WordOf.SENT_TOGETHER, record, number)


def _is_held_apart(hood: Neighbourhood, record: str, number: str) -> bool:
    """One of the two is held, and it is not a mere number that nobody else speaks of beside its held record."""
    if hood.records[number].is_held:
        return True
    if not hood.records[record].is_held:
        return False
    return (
        hood.has_evidence(number)
        or any(other == number and sender != record for sender, other in hood.asserted)
        or any(number in (str(link.left), str(link.right)) for link in hood.always)
    )


def _word(hood: Neighbourhood, word_of: WordOf, a: str, b: str) -> Word:
    standing = hood.records[a].enterprise_id
    return Word(word_of, standing is None or standing != hood.records[b].enterprise_id, a, b)


def _links(hood: Neighbourhood, apart: _Apart) -> Iterator[ScoredPair]:
    for (a, b), scored in hood.pairs.items():
        if not apart.is_said(a, b):
            yield ScoredPair(
                a,
                b,
                scored.score,
                scored.match_probability,
                scored.decision,
                scored.reason,
                has_support(scored),
                is_nameless(scored),
            )


def _fringe_persons(hood: Neighbourhood) -> list[tuple[str, ...]]:
    fringe: dict[str | None, list[str]] = {}
    for key in sorted(set(hood.records) - hood.core):
        fringe.setdefault(hood.records[key].enterprise_id, []).append(key)
    return [tuple(members) for members in fringe.values()]


def _with_evidence(hood: Neighbourhood, groups: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The groups without records that only stand for a number: those are no crowd and have no veto of their own."""
    stripped = [tuple(key for key in group if hood.has_evidence(key)) for group in groups]
    return [group for group in stripped if len(group) > 1]


def _persons(hood: Neighbourhood, bound: Bound, clustering: Clustering) -> dict[str, int]:
    """A number for the person of every record; a record that only stands for a number goes with its group."""
    number_of: dict[str, int] = {}
    for number, members in enumerate(clustering.clusters):
        number_of.update((key, number) for key in members)
    for group in bound.groups:
        placed = [number_of[key] for key in group if key in number_of]
        number = placed[0] if placed else len(clustering.clusters) + len(number_of)
        number_of.update((key, number) for key in group if key not in number_of)
    for key in sorted(hood.records):
        number_of.setdefault(key, len(clustering.clusters) + len(hood.records) + len(number_of))
    return number_of


def _doubts(hood: Neighbourhood, clustering: Clustering, apart: _Apart) -> Iterator[Question]:
    for pair in clustering.review:
        scored = hood.pairs[pair.a, pair.b]
        guards = tuple(dict.fromkeys([*(g.name for g in scored.guards), *_why(pair.reason, scored)]))
        neighbours = [key for key in hood.core if apart.is_said(key, pair.a) or apart.is_said(key, pair.b)]
        if neighbours:
            guards = (*guards, NEVER_LINK)
        left, right = hood.records[pair.a].identifier, hood.records[pair.b].identifier
        yield Question(ReviewKind.POSSIBLE_MATCH, left, right, scored, guards)


def _why(reason: str, scored: MatchScore) -> tuple[str, ...]:
    return () if reason == scored.reason else (reason,)


def _refused(hood: Neighbourhood, bound: Bound, persons: Mapping[str, int], apart: _Apart) -> Iterator[Question]:
    for word in bound.refused:
        if word.word_of is not WordOf.SENT_TOGETHER or persons[word.a] == persons[word.b]:
            continue
        others = [key for key in persons if persons[key] == persons[word.b]]
        is_reuse = any(apart.contradicts(word.a, key) for key in others)
        kind = ReviewKind.SUSPECTED_REUSE if is_reuse else ReviewKind.POSSIBLE_MATCH
        left, right = hood.records[word.a].identifier, hood.records[word.b].identifier
        yield Question(kind, left, right, None, () if is_reuse else (NEVER_LINK,), priority=1)


def linking_score(hood: Neighbourhood, key: str, members: set[str]) -> MatchScore | None:
    """The best score that links the record to another member of its person."""
    found = [
        scored
        for pair, scored in hood.pairs.items()
        if scored.decision is MatchDecision.LINK and key in pair and set(pair) - {key} <= members
    ]
    return max(found, key=lambda scored: scored.score, default=None)
