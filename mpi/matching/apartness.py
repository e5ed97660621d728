"""Which records, and which clusters of them, must never be one person: each two records are judged once at most.

Records are numbered inside one component and sets of them are bits of an int, so that a question about very many
records (*is any of these apart from that one?*) is a few machine words once the two-by-two answers are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Vetoed = Callable[[str, str], bool]


def bits(mask: int) -> Iterator[int]:
    """The numbers in a set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class Apartness:
    """What ``vetoed`` says of the records of one component, asked only when an answer needs it, and remembered."""

    def __init__(self, names: Sequence[str], vetoed: Vetoed) -> None:
        self._names = names
        self._vetoed = vetoed
        self._judged = [1 << number for number in range(len(names))]
        self._apart = [0] * len(names)

    def stand_together(self, members: int) -> None:
        """These are one person by somebody's word, whatever they look like: no two of them are apart."""
        for number in bits(members):
            self._judged[number] |= members

    def is_from_any(self, number: int, others: int) -> bool:
        """The record is apart from one of the others at least."""
        if self._apart[number] & others:
            return True
        return any(self._judge(number, other) for other in bits(others & ~self._judged[number]))

    def between(self, mine: int, others: int) -> Iterator[tuple[int, int]]:
        """Every two (of mine, of the others) that are apart, found while it is read: what is known comes first."""
        for number in bits(mine):
            known, unknown = self._apart[number] & others, others & ~self._judged[number]
            yield from ((number, other) for other in bits(known))
            yield from ((number, other) for other in bits(unknown) if self._judge(number, other))

    def _judge(self, number: int, other: int) -> bool:
        self._judged[number] |= 1 << other
        self._judged[other] |= 1 << number
        if not self._vetoed(self._names[number], self._names[other]):
            return False
        self._apart[number] |= 1 << other
        self._apart[other] |= 1 << number
        return True


class Cluster:
    """Records joined so far. ``apart``: some that a member is apart from; ``clear``: some that no member is."""

    __slots__ = ("apart", "clear", "members", "size")

    def __init__(self, members: int) -> None:
        self.members = members
        self.size = members.bit_count()
        self.apart = self.clear = 0

    def take(self, other: Cluster) -> None:
        """Join the other to this one."""
        self.members |= other.members
        self.size += other.size
        self.apart |= other.apart
        self.clear &= other.clear

    def is_apart_from(self, other: Cluster, apartness: Apartness) -> bool:
        """A member of one must never be with a member of the other. What was found out stays true as both grow."""
        if self.apart & other.members or other.apart & self.members:
            return True
        if not (other.members & ~self.clear and self.members & ~other.clear):
            return False
        small, large = (self, other) if self.size <= other.size else (other, self)
        for number, found in apartness.between(small.members, large.members):
            small.apart |= 1 << found
            large.apart |= 1 << number
            return True
        self.clear |= other.members
        other.clear |= self.members
        return False
