"""Batch files: FHS/BHS ... BTS/FTS around messages, all of them optional. Every message stands alone.

Source: HL7 v2.5 chapter 2.10.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from adapters.hl7v2.errors import UndecodableText
from adapters.hl7v2.message import trimmed

_HEADER_LINE = re.compile(rb"(?:\A|(?<=[\r\n\x0b]))[ \t\x0b]*(FHS|BHS|MSH|BTS|FTS)(?=[^0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class BatchFile:
    """The messages of a file in order, and what is odd about the file (it is taken all the same)."""

    messages: tuple[bytes, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportResult:
    """One acknowledgement a message, in order, and the warnings about the file."""

    acknowledgements: tuple[bytes, ...]
    warnings: tuple[str, ...] = ()


def split_batch(data: bytes) -> BatchFile:
    """Cut a file into its messages. A file that holds none has no messages and a warning."""
    try:
        data = trimmed(data)
    except UndecodableText:
        return BatchFile((), ("no message in the file",))
    marks = list(_HEADER_LINE.finditer(data))
    ends = [mark.start() for mark in marks[1:]] + [len(data)] * bool(marks)
    messages: list[bytes] = []
    warnings: list[str] = []
    in_batch = batches = 0
    for mark, end in zip(marks, ends, strict=True):
        name, segment = mark.group(1), data[mark.start(1) : end]
        if name == b"MSH":
            messages.append(segment)
            in_batch += 1
        elif name == b"BHS":
            batches, in_batch = batches + 1, 0
        elif name == b"BTS":
            warnings += _count_warning("BTS-1", segment, in_batch)
        elif name == b"FTS":
            warnings += _count_warning("FTS-1", segment, batches or 1)
    if marks and data[: marks[0].start()].strip():
        warnings.append("text before the first segment was skipped")
    if not messages:
        warnings.append("no message in the file")
    return BatchFile(tuple(messages), tuple(warnings))


def import_file(data: bytes, handle: Callable[[bytes], bytes]) -> ImportResult:
    """Hand every message of a file to ``handle``; one that is refused does not stop the others."""
    batch = split_batch(data)
    return ImportResult(tuple(handle(message) for message in batch.messages), batch.warnings)


def _count_warning(field: str, segment: bytes, counted: int) -> list[str]:
    """The trailer's first field against what was counted; an empty one says nothing."""
    sent = re.split(rb"[^0-9A-Za-z ]", segment[4:], maxsplit=1)[0].strip()
    if not sent or (sent.isdigit() and int(sent) == counted):
        return []
    return [f"{field} does not tell the number found: {counted}"]
