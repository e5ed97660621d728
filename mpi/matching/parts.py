"""A neighbourhood taken apart into those that have nothing to do with one another, so that each is decided alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mpi.identity.decisions import AlwaysLink
from mpi.identity.review import NeverLink
from mpi.matching.disjoint_sets import DisjointSets
from mpi.matching.neighbourhood import Neighbourhood
from mpi.matching.scoring import MatchScore


def parts(hood: Neighbourhood) -> list[Neighbourhood]:
    """Neighbourhoods that share no pair, word or person; each core record is in exactly one. Ordered by their names."""
    sets = DisjointSets()
    for a, b in _ties(hood):
        sets.join(a, b)
    names: dict[str, list[str]] = {}
    for name in sorted(hood.records):
        names.setdefault(sets.find(name), []).append(name)
    pairs: dict[str, dict[tuple[str, str], MatchScore]] = {}
    for pair, score in hood.pairs.items():
        pairs.setdefault(sets.find(pair[0]), {})[pair] = score
    rare = _Rare(hood, sets)
    return [
        replace(
            hood,
            records={name: hood.records[name] for name in members},
            core=frozenset(name for name in members if name in hood.core),
            pairs=pairs.get(root, {}),
            always=rare.always.get(root, ()),
            never=rare.never.get(root, ()),
            asserted=rare.asserted.get(root, frozenset()),
        )
        for root, members in names.items()
        if not hood.core.isdisjoint(members)
    ]


class _Rare:
    """What few neighbourhoods have, by the root of each part it has to do with."""

    def __init__(self, hood: Neighbourhood, sets: DisjointSets) -> None:
        self.always: dict[str, tuple[AlwaysLink, ...]] = {}
        self.never: dict[str, tuple[NeverLink, ...]] = {}
        self.asserted: dict[str, frozenset[tuple[str, str]]] = {}
        for link in hood.always:
            for root in {sets.find(str(i)) for i in link.pair}:
                self.always[root] = (*self.always.get(root, ()), link)
        for said in hood.never:
            for root in {sets.find(str(i)) for i in (said.left, said.right)}:
                self.never[root] = (*self.never.get(root, ()), said)
        for pair in hood.asserted:
            root = sets.find(pair[0])
            self.asserted[root] = self.asserted.get(root, frozenset()) | {pair}


def _ties(hood: Neighbourhood) -> Iterator[tuple[str, str]]:
    yield from hood.pairs
    yield from hood.asserted
    said = [(str(a.left), str(a.right)) for a in hood.always] + [(str(n.left), str(n.right)) for n in hood.never]
    yield from (pair for pair in said if pair[0] in hood.records and pair[1] in hood.records)
    first: dict[str, str] = {}
    for name, record in hood.records.items():
        if record.enterprise_id is not None:
            yield first.setdefault(record.enterprise_id, name), name
