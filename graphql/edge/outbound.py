"""Where nothing may come in: lines to the hub. Each fetches a question, answers it, and fetches the next.

The question carries the hub's token: it is checked like one that came in, so a false hub learns nothing.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from adapters.connection.tls import TlsFiles, context_for
from adapters.edge.errors import TokenRefused
from adapters.edge.keys import load_private_key
from adapters.edge.tokens import Signer
from edge.agent import Agent, utc_now
from edge.errors import ConfigurationError
from edge.logs import log_event
from edge.settings import OutboundSettings
from federation.errors import SourceUnauthorised

_SHORTEST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_WAY_SECONDS = 10.0
_LONGEST_QUESTION = 65_536


@dataclass(frozen=True, slots=True, repr=False)
class _Question:
    letter_id: str
    token: str
    body: bytes


class OutboundLines:
    """The agent's lines to the hub, until cancelled."""

    def __init__(self, agent: Agent, settings: OutboundSettings) -> None:
        """Read the key.

        Raises:
            UnusableKey: the key file cannot be used.
            ConfigurationError: the CA file cannot be used.
        """
        self._agent = agent
        self._settings = settings
        self._url = settings.hub_url.rstrip("/")
        key = load_private_key(settings.key_file)
        self._sign = Signer(key, issuer=agent.settings.site.id, audience=agent.settings.hub.id, clock=utc_now)
        try:
            context = context_for(settings.hub_url, TlsFiles(settings.ca_file))
        except SourceUnauthorised as error:
            raise ConfigurationError("outbound.ca_file cannot be used") from error
        self._client = httpx2.AsyncClient(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(_WAY_SECONDS, read=settings.wait_seconds + _WAY_SECONDS),
        )

    async def run(self) -> None:
        """Keep all lines open; ends only by cancellation."""
        try:
            async with asyncio.TaskGroup() as lines:
                for _ in range(self._settings.lines):
                    lines.create_task(self._line())
        finally:
            await self._client.aclose()

    async def _line(self) -> None:
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            try:
                question = await self._poll()
                if question is not None:
                    await self._answer(question)
                pause = _SHORTEST_PAUSE_SECONDS
            except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
                log_event("line_interrupted", error_type=type(error).__name__)
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads lines, guards nothing
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _poll(self) -> _Question | None:
        url = f"{self._url}/edge/poll"
        response = await self._client.post(
            url, params={"wait": f"{self._settings.wait_seconds:g}"}, headers=self._headers()
        )
        if response.status_code == 204:
            return None
        response.raise_for_status()
        return _read_question(response.content)

    async def _answer(self, question: _Question) -> None:
        try:
            caller = self._agent.gate.check(question.token)
        except TokenRefused as refusal:
            log_event("caller_refused", reason=refusal.reason)
            await self._agent.desk.refuse(refusal.reason)
            return
        answer = await self._agent.answer(question.body, caller)
        packed = await asyncio.to_thread(gzip.compress, answer, 6)
        url = f"{self._url}/edge/answers/{quote(question.letter_id, safe='')}"
        response = await self._client.post(url, content=packed, headers=self._headers())
        if response.status_code not in (204, 410):
            # 410: the asker has given up; anything else is the hub's trouble
            response.raise_for_status()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._sign()}"}


def _read_question(body: bytes) -> _Question | None:
    """What the hub handed out; ``None`` when it is no question."""
    try:
        held: Any = json.loads(body) if len(body) <= _LONGEST_QUESTION else None
        return _Question(str(held["id"]), str(held["token"]), str(held["question"]).encode())
    except (ValueError, KeyError, TypeError):
        log_event("unreadable_question")
        return None
