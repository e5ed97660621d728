"""Text of DICOM datasets: declared character sets, and what to do where none is (usably) declared.

Source: DICOM PS3.3 C.12.1.1.2 (defined terms), PS3.5 6.1 (code extensions).
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from pydicom.charset import convert_encodings, decode_bytes, python_encoding

_DEFAULT_REPERTOIRE = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"})
_DELIMITERS = {0x5E, 0x3D, 0x5C, 0x0D, 0x0A, 0x09, 0x0C}
"""After ``^``, ``=``, backslash and control characters a value falls back to its first character set."""


def python_codec(term: str) -> str:
    """The Python codec of a defined term or of a codec's own name, Latin-1 when it is neither."""
    codec = python_encoding.get(term, term) or "latin_1"
    try:
        codecs.lookup(codec)
    except LookupError:
        return "latin_1"
    return codec


def decode_undeclared(raw: bytes, fallback_charset: str) -> str:
    """Text of unknown character set: valid UTF-8, else the site's fall-back set, never U+FFFD if it can be helped."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode(python_codec(fallback_charset))
    except UnicodeDecodeError:
        return raw.decode("latin_1")


def decode_text(raw: bytes, declared: Sequence[str], fallback_charset: str) -> tuple[str, bool]:
    """Text of one element, and whether its character set had to be assumed.

    ``declared`` holds the values of Specific Character Set (0008,0005).
    """
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii"), False
    terms = [term.strip() for term in declared]
    if _is_usable(terms):
        text = _decode_declared(raw, terms)
        if text is not None:
            return text, False
    return decode_undeclared(raw, fallback_charset), True


def _is_usable(terms: Sequence[str]) -> bool:
    if not terms or not all(term in python_encoding for term in terms):
        return False
    return not all(term in _DEFAULT_REPERTOIRE for term in terms)


def _decode_declared(raw: bytes, terms: Sequence[str]) -> str | None:
    """``None`` when the bytes are not of the declared sets."""
    if len(terms) == 1:
        try:
            return raw.decode(python_encoding[terms[0]])
        except UnicodeDecodeError:
            return None
    try:
        text = str(decode_bytes(raw, convert_encodings(list(terms)), _DELIMITERS))
    except (UnicodeError, LookupError):
        return None
    return None if "\N{REPLACEMENT CHARACTER}" in text else text
