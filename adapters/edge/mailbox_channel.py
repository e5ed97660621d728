"""Reaches an agent that dials out: the question waits in the hub's mailbox until the agent fetches it."""

from __future__ import annotations

from collections.abc import Callable

from adapters.edge.mailbox import Mailbox
from federation.errors import SourceUnavailable
from federation.sites.site import SiteId


class MailboxChannel:
    """A ``Channel`` through a mailbox."""

    def __init__(self, mailbox: Mailbox, site_id: SiteId, sign_token: Callable[[], str]) -> None:
        self._mailbox = mailbox
        self._site_id = site_id
        self._sign_token = sign_token
        self._is_closed = False

    async def exchange(self, body: bytes) -> bytes:
        """See ``Channel``."""
        if self._is_closed:
            raise SourceUnavailable("closed")
        return await self._mailbox.ask(self._site_id, body, self._sign_token())

    async def aclose(self) -> None:
        """See ``Channel``. The mailbox is the hub's and stays."""
        self._is_closed = True
