"""Asks a site through its edge agent: the archive is the agent's business, the answer is checked again here."""

from __future__ import annotations

import asyncio
import json
import time

from adapters.edge import questions
from adapters.edge.channel import Channel
from adapters.edge.mapping import read_answer, read_data
from adapters.edge.rows import BadField, Row
from federation.errors import SourceError, SourceProtocolError, SourceTimedOut
from federation.ports import SiteAnswer, SiteProbe
from federation.sites.site import Site, SiteId
from mpi.identity.identifiers import PatientIdentifier

_LARGE_BODY_BYTES = 512 * 1024
"""From this size on a body is parsed in a thread, so that the other sites' answers are not held up."""
_LONGEST_DETAIL = 60


class EdgeSource:
    """A ``PriorSource`` over an edge agent. One instance a site."""

    protocol = "edge agent"

    def __init__(self, site: Site, channel: Channel) -> None:
        self._site = site
        self._channel = channel

    @property
    def site_id(self) -> SiteId:
        return self._site.site_id

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        """See ``PriorSource``. What the site withholds by its own policy is not there, and nothing tells of it."""
        question = questions.prior_studies(identifier, timeout_seconds=timeout_seconds)
        return read_answer(await self._ask(question, timeout_seconds), self._site, identifier)

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        """Ask the agent who it is and whether its archive is there."""
        started = time.monotonic()
        reason: str | None = None
        details: tuple[tuple[str, str], ...] = ()
        try:
            answer = await self._ask(questions.site(timeout_seconds=timeout_seconds), timeout_seconds)
            reason, details = _read_site(read_data(answer), self.site_id)
        except BadField:
            reason = "unreadable_answer"
        except SourceError as error:
            reason = error.reason
        latency_ms = int((time.monotonic() - started) * 1000)
        return SiteProbe(self.site_id, reason is None, latency_ms, details, reason)

    async def aclose(self) -> None:
        """See ``PriorSource``."""
        await self._channel.aclose()

    async def _ask(self, question: bytes, timeout_seconds: float) -> object:
        try:
            async with asyncio.timeout(timeout_seconds):
                body = await self._channel.exchange(question)
                if len(body) > _LARGE_BODY_BYTES:
                    return await asyncio.to_thread(_parse, body)
                return _parse(body)
        except TimeoutError:
            raise SourceTimedOut("deadline") from None


def _parse(body: bytes) -> object:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        raise SourceProtocolError("unreadable_answer") from None
    return document


def _read_site(data: Row, site_id: SiteId) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """(what is wrong or ``None``, capabilities)."""
    site = Row.of(data.values.get("site"), "site")
    if site.text("id") != site_id:
        return "another_site", ()
    archive = Row.of(site.values.get("archive"), "archive")
    found = [("agent", site.text("version")), ("archive_protocol", site.text("protocol"))]
    for item in archive.listed("capabilities"):
        capability = Row.of(item, "capabilities")
        found.append((capability.text("name") or "", capability.text("value")))
    details = tuple((name[:_LONGEST_DETAIL], text[:_LONGEST_DETAIL]) for name, text in found if name and text)
    if archive.flag("reachable"):
        return None, details
    return f"archive_{archive.text('reason') or 'failed'}"[:_LONGEST_DETAIL], details
