"""From bytes to text: which character set a message is in, and reading it without ever guessing a letter.

MSH-18 decides; more than one entry means the first and its ISO 2022 extensions. Nothing declared: ASCII, else valid
UTF-8, else the site's fall-back set. Text is decoded before it is split: the second byte of a Chinese or Japanese
letter may look like a separator.

Source: HL7 v2.5 chapter 2.15.9.18 and table 0211; ISO/IEC 2022.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.hl7v2.errors import UndecodableText
from adapters.hl7v2.iso2022 import decode_iso2022

_NOT_ALPHANUMERIC = re.compile(r"[^A-Z0-9]")
_PART_OF_8859 = re.compile(r"(?:ISO)?8859(\d{1,2})")
_WINDOWS = re.compile(r"(?:WINDOWS|CP)(125[0-8])")
_CODECS = {
    "ASCII": "ascii",
    "USASCII": "ascii",
    "ISOIR6": "ascii",
    "ISOIR14": "shift_jis",
    "ISOIR87": "iso2022_jp",
    "ISOIR159": "iso2022_jp_1",
    "ISOIR100": "iso8859-1",
    "ISOIR101": "iso8859-2",
    "ISOIR144": "iso8859-5",
    "ISOIR192": "utf-8",
    "GB180302000": "gb18030",
    "GB18030": "gb18030",
    "GB2312": "gb18030",
    "GBK": "gb18030",
    "BIG5": "big5",
    "KSX1001": "euc_kr",
    "EUCKR": "euc_kr",
    "SHIFTJIS": "shift_jis",
    "EUCJP": "euc_jp",
    "UNICODE": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UTF8": "utf-8",
    "UNICODEUTF16": "utf-8",  # such text is made UTF-8 before anything else
    "UTF16": "utf-8",
}
"""Names as in table 0211, and the ways senders write them; compared in upper case, letters and digits only."""

_UTF16_STARTS = {
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF16_LE: "utf-16",
    b"M\0S\0H\0": "utf-16-le",
    b"\0M\0S\0H": "utf-16-be",
}


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """``codec`` is a Python codec name; ``extended``: ISO 2022 escape sequences may switch to other sets."""

    codec: str
    extended: bool = False

    def decode(self, data: bytes) -> str:
        """Raises UnicodeDecodeError: the bytes are not in this set."""
        if self.codec == "iso8859-1" and any(0x80 <= byte < 0xA0 for byte in data):
            # Nobody sends C1 control codes; who declares 8859/1 and sends these bytes means the Windows set.
            return data.decode("cp1252")
        if self.extended and b"\x1b" in data:
            return decode_iso2022(data, self.codec)
        return data.decode(self.codec)


@dataclass(frozen=True, slots=True)
class DecodedText:
    """``warning`` is a stable code when the declared set was not the one used, else empty."""

    text: str
    character_set: CharacterSet
    warning: str = ""


def codec_name(declared: str) -> str | None:
    """The Python codec for an entry of MSH-18, ``None`` when there is none."""
    key = _NOT_ALPHANUMERIC.sub("", declared.upper())
    if part := _PART_OF_8859.fullmatch(key):
        return _existing(f"iso8859-{int(part.group(1))}")
    if windows := _WINDOWS.fullmatch(key):
        return f"cp{windows.group(1)}"
    return _CODECS.get(key)


def without_utf16(data: bytes) -> bytes:
    """UTF-16 made UTF-8; other bytes as they are. Declared or not, it shows in the first letters of the header.

    Raises:
        UndecodableText: begins as UTF-16 and is not.
    """
    codec = next((codec for start, codec in _UTF16_STARTS.items() if data.startswith(start)), None)
    if codec is None:
        return data
    try:
        return data.decode(codec).encode()
    except UnicodeError:
        raise UndecodableText("text begins as UTF-16 and is not") from None


def decode(data: bytes, declared: Sequence[str], *, fallback_charset: str) -> DecodedText:
    """Read a whole message.

    ``declared`` are the repetitions of MSH-18 (outer empties kept: ``~ISO IR87`` extends ASCII).

    Raises:
        UndecodableText: neither the declared set nor the fall-back can read the bytes.
    """
    candidates = [CharacterSet("ascii"), CharacterSet("utf-8"), CharacterSet(fallback_charset)]
    if not any(declared):
        return _first_readable(data, candidates, warning="")
    wanted = _declared_set(declared)
    if wanted is not None:
        try:
            return DecodedText(wanted.decode(data), wanted)
        except UnicodeDecodeError:
            pass
    warning = "charset_unknown" if wanted is None else "charset_mismatch"
    return _first_readable(data, candidates, warning=warning)


def _declared_set(declared: Sequence[str]) -> CharacterSet | None:
    codec = codec_name(declared[0] or "ASCII")
    return None if codec is None else CharacterSet(codec, extended=len(declared) > 1 or codec.startswith("iso2022"))


def _first_readable(data: bytes, candidates: Sequence[CharacterSet], *, warning: str) -> DecodedText:
    for candidate in candidates:
        try:
            return DecodedText(candidate.decode(data), candidate, warning)
        except UnicodeDecodeError:
            continue
    raise UndecodableText("text is in no character set that may apply")


def _existing(codec: str) -> str | None:
    try:
        return codecs.lookup(codec).name
    except LookupError:
        return None
