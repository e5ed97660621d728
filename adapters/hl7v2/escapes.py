r"""Escape sequences inside a field: ``\F\ \S\ \T\ \R\ \E\``, ``\Xdd..\``, ``\H\ \N\`` and ``\.br\``.

Resolved once, after splitting. A backslash that starts none of these is text, and so is what follows it.
Source: HL7 v2.5 chapter 2.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Separators:
    """The separators of one message, from MSH-1 and MSH-2. Empty text: the message names none."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @classmethod
    def of_header(cls, header: str) -> Separators:
        """From an MSH segment; what MSH-2 leaves out is not used in the message, an empty MSH-2 means the usual."""
        field = header[3]
        names = header[4:].split(field, 1)[0]
        if not names:
            return cls(field=field)
        component, repetition, escape, subcomponent = (names[i : i + 1] for i in range(4))
        return cls(field, component, repetition, escape, subcomponent)


STANDARD = Separators()

_PATTERNS: dict[str, re.Pattern[str]] = {}


def unescape(text: str, separators: Separators, decode_bytes: Callable[[bytes], str]) -> str:
    """The text a field means. ``decode_bytes`` reads bytes in the message's character set."""
    escape = separators.escape
    if not escape or escape not in text:
        return text
    plain = {
        "F": separators.field,
        "S": separators.component,
        "T": separators.subcomponent,
        "R": separators.repetition,
        "E": escape,
        "H": "",
        "N": "",
        ".br": "\n",
    }

    def resolve(match: re.Match[str]) -> str:
        if match.group("plain"):
            return plain[match.group("plain")]
        digits = "".join(re.findall(r"[0-9A-Fa-f]{2}", match.group("bytes")))
        try:
            return decode_bytes(bytes.fromhex(digits)).replace("\0", "")
        except UnicodeDecodeError:
            return match.group()

    return _pattern(escape).sub(resolve, text)


def escape_text(text: str, separators: Separators = STANDARD) -> str:
    """Text as it may stand in a field."""
    names = {
        separators.escape: "E",
        separators.field: "F",
        separators.component: "S",
        separators.subcomponent: "T",
        separators.repetition: "R",
        "\r": "X0D",
        "\n": "X0A",
    }
    return "".join(f"{separators.escape}{names[c]}{separators.escape}" if c in names else c for c in text)


def _pattern(escape: str) -> re.Pattern[str]:
    """One letter between escape characters, or a run of hexadecimal ones (a letter may be cut between two of them)."""
    if escape not in _PATTERNS:
        e = re.escape(escape)
        _PATTERNS[escape] = re.compile(rf"{e}(?P<plain>[FSTREHN]|\.br){e}|(?P<bytes>(?:{e}X(?:[0-9A-Fa-f]{{2}})+{e})+)")
    return _PATTERNS[escape]
