"""How a question gets to an agent and its answer back; what is in them is not read here."""

from __future__ import annotations

from typing import Protocol


class Channel(Protocol):
    """Carries one GraphQL request to one agent."""

    async def exchange(self, body: bytes) -> bytes:
        """The answer's body.

        Raises:
            SourceError: there is none, of the kind that fits.
        """

    async def aclose(self) -> None:
        """Give up connections. Idempotent."""
