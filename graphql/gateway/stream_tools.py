"""What the subscriptions of one process share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.change_feed import ChangeFeed


@dataclass(slots=True)
class OpenStreams:
    """How many subscriptions are open: in all, and of each caller."""

    max_open: int = 1000
    max_open_per_caller: int = 50
    _by_caller: Counter[str] = field(default_factory=Counter)

    @property
    def open_count(self) -> int:
        return self._by_caller.total()

    @contextmanager
    def one_of(self, caller: str) -> Iterator[bool]:
        """Hold one place of a caller; false, and no place, when there is none."""
        if self.open_count >= self.max_open or self._by_caller[caller] >= self.max_open_per_caller:
            yield False
            return
        self._by_caller[caller] += 1
        try:
            yield True
        finally:
            self._by_caller[caller] -= 1
            if not self._by_caller[caller]:
                del self._by_caller[caller]


@dataclass(frozen=True, slots=True)
class StreamTools:
    """``recheck_seconds``: how often the token behind an open subscription is checked again."""

    feed: ChangeFeed
    open_streams: OpenStreams
    recheck_seconds: float = 20.0
