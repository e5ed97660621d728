"""Questions that wait at the hub for agents that dial out, in memory. A question lives as long as its asker waits.

asker (any thread's event loop) -> ``ask`` ... ``take`` by the agent's poll ... ``reply`` -> asker
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from federation.errors import SourceUnavailable
from federation.sites.site import SiteId

GONE_AFTER_SECONDS = 90.0
"""An agent that has not polled for so long is not there: longer than the longest poll."""
_MOST_WAITING = 64


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """One question on its way. ``token`` proves to the agent that it comes from the hub."""

    letter_id: str
    body: bytes
    token: str
    answer: Future[bytes] = field(default_factory=Future)


@dataclass(slots=True, repr=False)
class _Box:
    """One site's letters. ``polls`` are the agent's waiting polls."""

    waiting: deque[Letter] = field(default_factory=deque)
    taken: dict[str, Letter] = field(default_factory=dict)
    polls: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = field(default_factory=deque)
    polled_at: float = float("-inf")


class Mailbox:
    """Letters to all agents that dial out. Safe to use from several event loops at once."""

    def __init__(self, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._boxes: dict[SiteId, _Box] = {}
        self._lock = threading.Lock()

    async def ask(self, site_id: SiteId, body: bytes, token: str) -> bytes:
        """The agent's answer. Cancelled, the question is withdrawn.

        Raises:
            SourceUnavailable: the agent has not been heard of lately, or has too much to do.
        """
        letter = Letter(uuid.uuid4().hex, body, token)
        with self._lock:
            box = self._box(site_id)
            if not self._is_connected(box):
                raise SourceUnavailable("agent_not_connected")
            if len(box.waiting) >= _MOST_WAITING:
                raise SourceUnavailable("agent_busy")
            box.waiting.append(letter)
            _wake(box)
        try:
            return await asyncio.wrap_future(letter.answer)
        finally:
            with self._lock:
                box.taken.pop(letter.letter_id, None)
                if letter in box.waiting:
                    box.waiting.remove(letter)

    async def take(self, site_id: SiteId, *, wait_seconds: float) -> Letter | None:
        """The next question for an agent; ``None`` when none came in time."""
        ends_at = self._seconds() + wait_seconds
        while True:
            loop = asyncio.get_running_loop()
            with self._lock:
                box = self._box(site_id)
                box.polled_at = self._seconds()
                if box.waiting:
                    letter = box.waiting.popleft()
                    box.taken[letter.letter_id] = letter
                    return letter
                poll = (loop, loop.create_future())
                box.polls.append(poll)
            try:
                async with asyncio.timeout(max(0.0, ends_at - self._seconds())):
                    await poll[1]
            except TimeoutError:
                return None
            finally:
                with self._lock:
                    box.polled_at = self._seconds()
                    if poll in box.polls:
                        box.polls.remove(poll)
                    elif box.waiting:
                        # woken and not staying: the letter is for the next poll
                        _wake(box)

    def reply(self, site_id: SiteId, letter_id: str, answer: bytes) -> bool:
        """Hand an answer to its asker; false when nobody waits for it any more."""
        with self._lock:
            letter = self._box(site_id).taken.pop(letter_id, None)
        if letter is None or letter.answer.done():
            return False
        letter.answer.set_result(answer)
        return True

    def is_connected(self, site_id: SiteId) -> bool:
        """Whether a site's agent has been heard of lately."""
        with self._lock:
            return self._is_connected(self._box(site_id))

    def _is_connected(self, box: _Box) -> bool:
        return bool(box.polls) or self._seconds() - box.polled_at <= GONE_AFTER_SECONDS

    def _box(self, site_id: SiteId) -> _Box:
        return self._boxes.setdefault(site_id, _Box())


def _wake(box: _Box) -> None:
    while box.polls:
        loop, poll = box.polls.popleft()
        try:
            loop.call_soon_threadsafe(_resolve, poll)
        except RuntimeError:
            # that poll's event loop is closed
            continue
        return


def _resolve(poll: asyncio.Future[None]) -> None:
    if not poll.done():
        poll.set_result(None)
