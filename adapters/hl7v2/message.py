"""An HL7 v2 message as segments, and fields by position. Splitting only: what a field means is ``mapping``'s.

Unknown and Z segments are kept and never looked at. Source: HL7 v2.5 chapter 2.5 to 2.8.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.hl7v2.charset import CharacterSet, decode, without_utf16
from adapters.hl7v2.errors import NotHl7
from adapters.hl7v2.escapes import Separators, unescape

NULL = '""'
"""What a sender writes to delete a value. Never a value itself."""

_BEFORE_HEADER = b"\x0b\x1c \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, repr=False)
class Repetition:
    """One repetition of a field: components of subcomponents, escapes resolved, blanks as sent."""

    components: tuple[tuple[str, ...], ...]
    separator: str = "&"

    def component(self, number: int) -> str:
        """Component ``number`` (1 = first) without outer blanks; empty text when absent.

        Subcomponents are joined again: many senders write a bare ``&`` in text that has none.
        """
        if not 1 <= number <= len(self.components):
            return ""
        return self.separator.join(self.components[number - 1]).strip()

    def subcomponent(self, number: int, sub: int) -> str:
        if not 1 <= number <= len(self.components) or not 1 <= sub <= len(self.components[number - 1]):
            return ""
        return self.components[number - 1][sub - 1].strip()

    @property
    def is_empty(self) -> bool:
        return not any(text.strip() for component in self.components for text in component)

    @property
    def is_null(self) -> bool:
        return self.component(1) == NULL and all(not self.component(n) for n in range(2, len(self.components) + 1))

    def __repr__(self) -> str:
        return "Repetition(…)"


EMPTY = Repetition(())


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the text of one message is to be read."""

    separators: Separators
    character_set: CharacterSet

    def split_field(self, raw: str) -> tuple[Repetition, ...]:
        marks = self.separators
        return tuple(
            Repetition(
                tuple(
                    tuple(self.unescape(text) for text in split(component, marks.subcomponent))
                    for component in split(repetition, marks.component)
                ),
                marks.subcomponent,
            )
            for repetition in split(raw, marks.repetition)
        )

    def unescape(self, text: str) -> str:
        return unescape(text, self.separators, self.character_set.decode)


@dataclass(frozen=True, slots=True, repr=False)
class Segment:
    """One segment; ``fields[n]`` is the raw text of field ``n`` (``fields[0]`` is the name). ``sequence`` from 1."""

    name: str
    fields: tuple[str, ...]
    sequence: int
    encoding: Encoding

    def raw(self, number: int) -> str:
        return self.fields[number] if number < len(self.fields) else ""

    def repetitions(self, number: int) -> tuple[Repetition, ...]:
        """Repetitions of a field that hold anything."""
        return tuple(r for r in self.encoding.split_field(self.raw(number)) if not r.is_empty)

    def first(self, number: int) -> Repetition:
        """The first repetition that holds anything, else an empty one."""
        return next(iter(self.repetitions(number)), EMPTY)

    def text(self, number: int) -> str:
        """The first component of a field."""
        return self.first(number).component(1)

    def __repr__(self) -> str:
        return f"Segment({self.name})"


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A split message; the first segment is MSH. ``warnings`` are stable codes about how it was read."""

    encoding: Encoding
    segments: tuple[Segment, ...]
    warnings: tuple[str, ...] = ()

    @property
    def header(self) -> Segment:
        return self.segments[0]

    def first(self, name: str) -> Segment | None:
        return next((s for s in self.segments if s.name == name), None)

    def __repr__(self) -> str:
        return "Message(…)"


def trimmed(data: bytes) -> bytes:
    """A message without what is never part of it: blanks, line ends and frame bytes around it, a byte order mark,
    NUL bytes (no text column takes them).

    Raises:
        UndecodableText: begins as UTF-16 and is not.
    """
    data = without_utf16(data.lstrip(_BEFORE_HEADER)).replace(b"\0", b"").removeprefix(_BYTE_ORDER_MARK)
    return data.lstrip(_BEFORE_HEADER).rstrip(_BEFORE_HEADER)


def read_envelope(data: bytes) -> Message:
    """The header alone, before the character set of the text is known: names of sets and sites are ASCII.

    Raises:
        NotHl7: no MSH segment at the beginning.
    """
    header = re.split(rb"[\r\n]", data, maxsplit=1)[0].decode("latin-1")
    return _message([header], CharacterSet("iso8859-1"))


def parse_message(data: bytes, *, fallback_charset: str) -> Message:
    """Decode and split one (trimmed) message.

    Raises:
        NotHl7: no MSH segment at the beginning.
        UndecodableText: no character set fits.
    """
    envelope = read_envelope(data)
    names = split(envelope.header.raw(18), envelope.encoding.separators.repetition)
    declared = [split(name, envelope.encoding.separators.component)[0].strip() for name in names]
    decoded = decode(data, declared, fallback_charset=fallback_charset)
    message = _message(_lines(decoded.text), decoded.character_set)
    return replace(message, warnings=(decoded.warning,)) if decoded.warning else message


def _message(lines: Sequence[str], character_set: CharacterSet) -> Message:
    header = lines[0] if lines else ""
    if not header.startswith("MSH") or len(header) < 5 or header[3].isalnum():
        raise NotHl7("no MSH segment")
    encoding = Encoding(Separators.of_header(header), character_set)
    return Message(encoding, _segments(lines, encoding))


def _segments(lines: Sequence[str], encoding: Encoding) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    seen: Counter[str] = Counter()
    mark = encoding.separators.field
    for line in lines:
        name, *fields = line.split(mark)
        name = name.strip()
        seen[name] += 1
        numbered = (name, mark, *fields) if name == "MSH" else (name, *fields)
        segments.append(Segment(name, numbered, seen[name], encoding))
    return tuple(segments)


def _lines(text: str) -> list[str]:
    """Segments: CR or CRLF ends one; LF alone only where the message has no CR at all, else it is data."""
    text = text.replace("\r\n", "\r") if "\r" in text else text.replace("\n", "\r")
    return [line for line in text.split("\r") if line.strip()]


def split(text: str, separator: str) -> list[str]:
    """Like ``str.split``; a message without such a separator has one part."""
    return text.split(separator) if separator else [text]
