"""Decide anew who is one person around some records, and carry out what differs from how things are.

    gather -> lock -> decide (pure) -> enterprise ids -> move records -> open and close questions -> events, history

Only links move; what sites said of their patients stays. A person whose records all went elsewhere redirects there.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from mpi.events import IdentityChange, PersonChanged
from mpi.identity.decisions import LinkChange
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.person_ids import Held, assign_person_ids
from mpi.identity.records import HistoryEntry, LinkSource, MatchGrade, PersonLink, SourceRecord
from mpi.matching.neighbourhood import Neighbourhood, Persons, decide_persons, linking_score
from mpi.ports import Clock, NewId, SettlingUnit, UnitOfWork
from mpi.usecases.companions import has_evidence
from mpi.usecases.gather_neighbourhood import MOST_IN_CORE, gather_neighbourhood, look_ahead
from mpi.usecases.matcher import Matcher
from mpi.usecases.settle_questions import settle_questions

ALONE = "alone"
"""Reason of a record that is nobody else's person."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How things are now. ``records`` are the core as stored; ``changes`` the links that are not what they were.

    ``reasons`` say of seeds and of changed links by what rule they are so, for the history: no values in them.
    """

    records: Mapping[PatientIdentifier, SourceRecord]
    changes: tuple[LinkChange, ...]
    opened_items: tuple[str, ...]
    closed_items: tuple[str, ...]
    is_truncated: bool
    reasons: Mapping[PatientIdentifier, str]

    @property
    def persons_changed(self) -> tuple[EnterpriseId, ...]:
        ids = [link.enterprise_id for change in self.changes for link in (change.after, change.before)]
        return tuple(dict.fromkeys(ids))


def settle_neighbourhood(
    seeds: Collection[SourceRecord],
    *,
    source: str,
    uow: UnitOfWork,
    matcher: Matcher,
    clock: Clock,
    new_id: NewId,
    former: Collection[SourceRecord] = (),
    keep: Mapping[PatientIdentifier, EnterpriseId] | None = None,
    has_own_history: bool = True,
) -> Settled:
    """Settle who is one person around the records, which are stored as given.

    ``former``: earlier states of them, or records that are retired now. ``keep``: ids that a human wants to stay.
    ``has_own_history``: the caller writes into the history of each seed what became of it.
    """
    hood, seeds = _gather_locked(seeds, former, uow, matcher)
    return settle_gathered(
        hood,
        [s.identifier for s in seeds],
        source=source,
        uow=uow,
        matcher=matcher,
        clock=clock,
        new_id=new_id,
        keep=keep,
        has_own_history=has_own_history,
    )


def settle_gathered(
    hood: Neighbourhood,
    seeds: Collection[PatientIdentifier],
    *,
    source: str,
    uow: SettlingUnit,
    matcher: Matcher,
    clock: Clock,
    new_id: NewId,
    keep: Mapping[PatientIdentifier, EnterpriseId] | None = None,
    has_own_history: bool = True,
) -> Settled:
    """As ``settle_neighbourhood``, for a neighbourhood that is gathered and locked."""
    persons = decide_persons(hood)
    now = clock()
    links = _links(hood, persons, keep or {}, now, new_id)
    reasons = _reasons(hood, links, {str(identifier) for identifier in seeds})
    stored, changes = _store(hood, links, set(seeds), uow, matcher)
    _remember_moves(changes, reasons, set(seeds) if has_own_history else (), source, now, uow)
    _redirect(changes, uow)
    items = settle_questions(hood, persons, seeds, source=source, uow=uow, clock=clock, new_id=new_id)
    return Settled(stored, changes, items.opened, items.closed, hood.is_truncated, reasons)


def publish_change(
    change: IdentityChange, settled: Settled, also: Collection[EnterpriseId | None], *, uow: UnitOfWork, clock: Clock
) -> None:
    """Tell others about every person that is not what it was, ``also`` first."""
    ids = dict.fromkeys([*(i for i in also if i is not None), *settled.persons_changed])
    if ids:
        uow.events.publish(PersonChanged(change, tuple(ids), clock()))


def _gather_locked(
    seeds: Collection[SourceRecord], former: Collection[SourceRecord], uow: UnitOfWork, matcher: Matcher
) -> tuple[Neighbourhood, Collection[SourceRecord]]:
    """Gather until all that was found is locked, so that nobody else deals out the same records meanwhile."""
    held = frozenset(key for s in (*seeds, *former) for key in matcher.blocking_keys(s))
    if uow.lock(held):
        seeds = _with_stored_links(seeds, uow)
    candidates = None
    if not former and len(seeds) <= MOST_IN_CORE:
        ahead = look_ahead(seeds, uow=uow, matcher=matcher)
        candidates = None if uow.lock(ahead.likely_keys - held) else ahead.candidates
        held |= ahead.likely_keys
    while True:
        hood = gather_neighbourhood(seeds, former=former, candidates=candidates, uow=uow, matcher=matcher)
        candidates = None
        found = frozenset(key for name in hood.core for key in matcher.blocking_keys(hood.records[name]))
        if found <= held or not uow.lock(found - held):
            return hood, seeds
        held |= found


def _with_stored_links(seeds: Collection[SourceRecord], uow: UnitOfWork) -> list[SourceRecord]:
    """Somebody may have moved a record between our reading it and our having the lock."""
    stored = uow.records.get_many([s.identifier for s in seeds])
    fresh = []
    for seed in seeds:
        now = stored.get(seed.identifier)
        fresh.append(seed if now is None or now.link is None else replace(seed, link=now.link))
    return fresh


def _links(
    hood: Neighbourhood,
    persons: Persons,
    keep: Mapping[PatientIdentifier, EnterpriseId],
    now: dt.datetime,
    new_id: NewId,
) -> dict[str, PersonLink]:
    held = {r.identifier: Held(r.enterprise_id, has_evidence(r)) for r in (hood.records[key] for key in hood.core)}
    by_hand = {
        str(i) for a in hood.always if a.link_source is LinkSource.MANUAL for i in a.pair
        if persons.persons.get(a.left) == persons.persons.get(a.right) is not None
    }  # fmt: skip
    links = {}
    given = assign_person_ids(persons.clusters, held, keep=keep)
    for members, enterprise_id in zip(persons.clusters, given, strict=True):
        person = enterprise_id or EnterpriseId(new_id())
        names = {str(member) for member in members}
        for name in names:
            links[name] = _link(hood, name, names, person, name in by_hand, now)
    return links


def _link(
    hood: Neighbourhood, name: str, members: set[str], person: EnterpriseId, is_by_hand: bool, now: dt.datetime
) -> PersonLink:
    """The record's link; the one it has where nothing about it changes."""
    link_source = LinkSource.MANUAL if is_by_hand else LinkSource.AUTO
    current = hood.records[name].link
    if current is not None and current.enterprise_id == person and current.link_source is link_source:
        return current
    scored = linking_score(hood, name, members)
    return PersonLink(
        enterprise_id=person,
        link_source=link_source,
        match_grade=MatchGrade.CERTAIN,
        linked_at=now,
        match_weight=None if scored is None else scored.score,
        model_version=None if scored is None else scored.model_version,
    )


def _reasons(
    hood: Neighbourhood, links: Mapping[str, PersonLink], seeds: Collection[str]
) -> dict[PatientIdentifier, str]:
    told = [name for name in hood.core if name in seeds or hood.records[name].link != links[name]]
    return {hood.records[name].identifier: _reason(hood, name, links) for name in told}


def _reason(hood: Neighbourhood, name: str, links: Mapping[str, PersonLink]) -> str:
    """By whose word or which score the record is in its person; a score with its model and every level."""
    members = {other for other, link in links.items() if link.enterprise_id == links[name].enterprise_id}
    if links[name].link_source is LinkSource.MANUAL:
        return "staff"
    scored = linking_score(hood, name, members)
    if scored is not None:
        lines = " ".join(f"{w.comparison}={w.level}{w.match_weight:+.2f}" for w in scored.weights)
        return f"score {scored.score:.2f} {scored.model_version}: {lines}"
    return "told together" if len(members) > 1 else ALONE


def _store(
    hood: Neighbourhood,
    links: Mapping[str, PersonLink],
    seeds: Collection[PatientIdentifier],
    uow: SettlingUnit,
    matcher: Matcher,
) -> tuple[dict[PatientIdentifier, SourceRecord], tuple[LinkChange, ...]]:
    stored: dict[PatientIdentifier, SourceRecord] = {}
    changes = []
    for name in sorted(hood.core):
        record, link = hood.records[name], links[name]
        linked = record.linked(link)
        stored[record.identifier] = linked
        if record.link != link or record.identifier in seeds:
            uow.records.save(linked, blocking_keys=matcher.blocking_keys(linked))
        if record.link is not None and record.link != link:
            changes.append(LinkChange(record.identifier, record.link, link))
    return stored, tuple(changes)


def _remember_moves(
    changes: Collection[LinkChange],
    reasons: Mapping[PatientIdentifier, str],
    told: Collection[PatientIdentifier],
    source: str,
    now: dt.datetime,
    uow: SettlingUnit,
) -> None:
    """A record that came into another person through somebody else has that in its own history."""
    for change in changes:
        before, after = change.before.enterprise_id, change.after.enterprise_id
        if before != after and change.identifier not in told:
            detail = f"from {before}; {reasons[change.identifier]}"
            uow.history.append(HistoryEntry(change.identifier, "moved", now, source, after, detail=detail))


def _redirect(changes: Collection[LinkChange], uow: SettlingUnit) -> None:
    """A person that lost all records redirects to where most of them went; one that has records again does not."""
    went: dict[EnterpriseId, Counter[EnterpriseId]] = {}
    for change in changes:
        if change.before.enterprise_id != change.after.enterprise_id:
            went.setdefault(change.before.enterprise_id, Counter())[change.after.enterprise_id] += 1
    if not went:
        return
    uow.records.drop_redirects({into for counts in went.values() for into in counts})
    left = uow.records.of_persons(list(went))
    for person, counts in went.items():
        if not left[person]:
            uow.records.redirect_person(person, max(sorted(counts), key=lambda into: counts[into]))
