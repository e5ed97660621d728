"""The one place where a unit of work that got in another one's way is begun again.

A unit waits for its first locks only; what it finds out to need later it gets at once or not at all (``lock`` raises
``UnitConflict``). So no two units ever wait for each other. Whoever gave way begins again with all keys known by then,
which it waits for in an order that everybody shares, so it comes to its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from mpi.ports import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
T = TypeVar("T")

MOST_ATTEMPTS = 20


class UnitConflict(Exception):
    """Another unit was in the way; nothing was written. ``keys``: what this one needs, as far as it knew.

    Raised by units of work. Not an ``MpiError``: nothing is wrong with what was asked, and no door may answer it.
    """

    def __init__(self, keys: Collection[str] = ()) -> None:
        super().__init__("another unit of work was in the way")
        self.keys = frozenset(keys)


def carry_out(units: Callable[[], U], work: Callable[[U], T]) -> T:
    """Do the work, which commits, in a unit of its own; from the beginning again when another unit was in the way.

    Raises:
        UnitConflict: in the way every time.
    """
    keys: frozenset[str] = frozenset()
    for _ in range(MOST_ATTEMPTS - 1):
        try:
            return _attempt(units, work, keys)
        except UnitConflict as conflict:
            keys |= conflict.keys
    return _attempt(units, work, keys)


def _attempt(units: Callable[[], U], work: Callable[[U], T], keys: frozenset[str]) -> T:
    with units() as uow:
        if keys:
            uow.lock(keys)
        return work(uow)
