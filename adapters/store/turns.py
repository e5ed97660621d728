"""Writers of one process on one SQLite file take turns, in the order in which they came.

SQLite lets one of them write; the others nap and look again, for up to a tenth of a second at a time and in no order,
so that with eight at once some waited half a second for transactions of three milliseconds. Between processes it
stays as SQLite has it.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from weakref import WeakValueDictionary


class WriteTurns:
    """Who writes next."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def waiting_count(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def take(self, *, timeout_seconds: float) -> bool:
        """Wait for one's turn; ``False`` when it did not come in time. A turn that was taken is to be given back."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=timeout_seconds):
            return True
        with self._mutex:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True  # it came at the last moment

    def give_back(self) -> None:
        """The next one's turn; from any thread."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


_turns: WeakValueDictionary[Path, WriteTurns] = WeakValueDictionary()
_turns_mutex = threading.Lock()


def turns_at(database: str) -> WriteTurns:
    """The turns of a file, the same for every engine of this process; kept as long as somebody holds them."""
    path = Path(database).resolve()
    with _turns_mutex:
        found = _turns.get(path)
        if found is None:
            found = _turns[path] = WriteTurns()
        return found
