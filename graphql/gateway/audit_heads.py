"""Heads of the audit chain, kept outside of the store: whoever can write the store alone cannot cut the chain unseen.

A text file of JSON lines that only grows. Keep it where administrators of the database have no right to write.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from gateway.errors import InputRefused
from gateway.observability import get_logger
from mpi.audit_chain import AuditHead
from mpi.ports import Clock, UnitOfWork

_log = get_logger("gateway.audit")


class HeadFile:
    """The file of ``audit.head_file``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def heads(self) -> tuple[AuditHead, ...]:
        """All that were kept, oldest first; none when there is no file yet.

        Raises:
            InputRefused: a line is not a head; the text names it.
        """
        if not self._path.exists():
            return ()
        lines = self._path.read_bytes().splitlines()
        return tuple(self._head(number, line) for number, line in enumerate(lines, start=1))

    def add(self, head: AuditHead, clock: Clock) -> bool:
        """Add the head unless it is the last one already."""
        if head.number == 0 or head in self.heads()[-1:]:
            return False
        line = {"number": head.number, "chain_hash": head.chain_hash.hex(), "kept_at": clock().isoformat()}
        with self._path.open("a", encoding="ascii") as stream:
            stream.write(json.dumps(line) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        return True

    def _head(self, number: int, line: bytes) -> AuditHead:
        try:
            read = json.loads(line)
            return AuditHead(int(read["number"]), bytes.fromhex(read["chain_hash"]))
        except (ValueError, TypeError, KeyError) as error:
            raise InputRefused(f"{self._path.name}: line {number}: not a head of the audit chain") from error


def keep_head(file: HeadFile, read: Callable[[], UnitOfWork], clock: Clock) -> bool:
    """Add the head of the chain as it is now."""
    with read() as uow:
        head = uow.audit_chain.head()
    return file.add(head, clock)


class HeadKeeper:
    """Adds the head now and then while a process serves, and once more at its end."""

    def __init__(self, file: HeadFile, read: Callable[[], UnitOfWork], clock: Clock, *, every_seconds: float) -> None:
        self._file, self._read, self._clock, self._every_seconds = file, read, clock, every_seconds

    async def run(self) -> None:
        """Until it is cancelled. A head that cannot be kept is told to the log; the hub goes on."""
        try:
            while True:
                await self.keep()
                await asyncio.sleep(self._every_seconds)
        finally:
            await self.keep()

    async def keep(self) -> None:
        try:
            await asyncio.to_thread(keep_head, self._file, self._read, self._clock)
        except (OSError, InputRefused, sa.exc.SQLAlchemyError) as error:
            _log.error("audit_head_not_kept", error_type=type(error).__name__)
