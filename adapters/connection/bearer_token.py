"""The token that an archive knows us by: given once, or kept in a file that somebody else renews."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from federation.errors import SourceUnauthorised


@dataclass(slots=True)
class BearerToken:
    """Sent as ``Authorization: Bearer``. A file is read before the first use, and again when the archive says 401."""

    given: str | None = field(default=None, repr=False)
    file: Path | None = None
    _read: str | None = field(default=None, repr=False)

    async def header(self) -> dict[str, str]:
        """The header to send; nothing without a token.

        Raises:
            SourceUnauthorised: the file cannot be read.
        """
        if self.file is not None and self._read is None:
            await self.renew()
        token = self._read or self.given
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    async def renew(self) -> bool:
        """Read the file anew; true if there is another token in it now.

        Raises:
            SourceUnauthorised: the file cannot be read.
        """
        if self.file is None:
            return False
        try:
            token = (await asyncio.to_thread(self.file.read_text, encoding="utf-8-sig")).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SourceUnauthorised("token_file", "the token file cannot be read") from error
        if not token.isascii() or any(character.isspace() for character in token):
            raise SourceUnauthorised("token_file", "the token file holds no token")
        is_another = token != self._read
        self._read = token
        return is_another
