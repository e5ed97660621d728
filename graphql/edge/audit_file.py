"""The site's own audit: JSON lines, only ever appended to, each bound to the one before by its hash.

Holds numbers of the site's patients (it is the site's file) and never a name, a birth date or a study's text.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.errors import AuditBroken, ServiceMissing

FIRST = "0" * 64
"""What the first line is bound to."""
_TAIL_BYTES = 65_536


@dataclass(frozen=True, slots=True, repr=False)
class AuditEntry:
    """One question, or one caller that was not let in.

    Attributes:
        at: ISO 8601, UTC.
        caller: the hub's id, empty for a caller that was not let in.
        action: ``priorStudies`` or ``authenticate``.
        outcome: ``answered``, ``failed`` or ``refused``.
        request_id: id of the token the question came with.
        patient: ``AUTHORITY|number`` asked about.
        reason: stable code of a failure or refusal.
        shared_count, withheld_count: studies that left the site and studies that did not.
    """

    at: str
    caller: str
    action: str
    outcome: str
    request_id: str = ""
    patient: str = ""
    reason: str = ""
    shared_count: int = 0
    withheld_count: int = 0


class AuditFile:
    """Appends entries, each on the disk before ``append`` returns. One process at a time holds the file."""

    def __init__(self, path: Path) -> None:
        """Open or begin the file.

        Raises:
            ServiceMissing: it cannot be opened, or another agent writes it.
            AuditBroken: its last line is not one of ours.
        """
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise ServiceMissing(f"audit.file: {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._last = _last_hash(self._handle)
        except BlockingIOError as error:
            os.close(self._handle)
            raise ServiceMissing(f"audit.file: {path}: another agent writes it") from error
        except AuditBroken:
            os.close(self._handle)
            raise
        self._lock = threading.Lock()

    def append(self, entry: AuditEntry) -> None:
        """Keep one entry.

        Raises:
            OSError: it could not be written; then nothing may be told either.
        """
        with self._lock:
            line, new = _line({**asdict(entry), "previous": self._last})
            size = os.fstat(self._handle).st_size
            written = os.write(self._handle, line)
            if written != len(line):
                os.ftruncate(self._handle, size)
                raise OSError("the audit line could not be written whole")
            os.fsync(self._handle)
            self._last = new

    def close(self) -> None:
        """Give the file up."""
        os.close(self._handle)


def verify(path: Path) -> int:
    """Count the lines of an audit file in which nothing was changed, removed or put in.

    Raises:
        AuditBroken: the text names the first line that is not as it was written.
        OSError: the file cannot be read.
    """
    last, count = FIRST, 0
    with path.open("rb") as file:
        for count, line in enumerate(file, start=1):
            try:
                held = json.loads(line)
                told = held.pop("hash")
                is_as_written = held["previous"] == last and _line(held) == (line, told)
            except (ValueError, KeyError, TypeError, AttributeError):
                is_as_written = False
            if not is_as_written:
                raise AuditBroken(f"{path}: line {count} is not as it was written")
            last = told
    return count


def _line(values: dict[str, object]) -> tuple[bytes, str]:
    """The line that holds these values, and its hash."""
    own = hashlib.sha256(_json(values)).hexdigest()
    return _json({**values, "hash": own}) + b"\n", own


def _json(values: dict[str, object]) -> bytes:
    return json.dumps(values, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


def _last_hash(handle: int) -> str:
    size = os.fstat(handle).st_size
    if size == 0:
        return FIRST
    tail = os.pread(handle, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    whole, newline, cut = tail.rpartition(b"\n")
    try:
        if newline and not cut:
            return str(json.loads(whole.rpartition(b"\n")[2])["hash"])
    except (ValueError, KeyError, TypeError) as error:
        raise AuditBroken("audit.file: the last line is not one of ours") from error
    raise AuditBroken("audit.file: the last line is cut")
