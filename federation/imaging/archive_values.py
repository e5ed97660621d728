"""Values of a study as archives write them, whatever the protocol: texts, UIDs, modalities, counts.

Source: DICOM PS3.5 9.1 (UIDs), PS3.3 C.7.3.1.1.1 (modalities).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

_PADDING = "\0 \t\r\n"
_NO_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UID_CHARACTERS = re.compile(r"[0-9.]+")
_REGULAR_UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+")
_LONGEST_UID = 64
_MODALITY = re.compile(r"[A-Z][A-Z0-9_]{1,15}")
_COUNT_LIMIT = 10_000_000


def clean_text(text: str) -> str:
    """Without NUL and blanks at the ends; what is no character of a text (half a character, a control) is U+FFFD.

    It is replaced and not left out: two texts that differ only there must not become one.
    Source: DICOM PS3.5 6.2 (padding to even length).
    """
    return _NO_CHARACTERS.sub("\ufffd", text.strip(_PADDING))


def is_uid(text: str) -> bool:
    """Whether a text can name a study at all: digits and dots, however arranged."""
    return _UID_CHARACTERS.fullmatch(text) is not None


def is_regular_uid(text: str) -> bool:
    """Whether a UID is as the standard wants it: no leading zeros, no empty part, not beyond 64 characters."""
    return len(text) <= _LONGEST_UID and _REGULAR_UID.fullmatch(text) is not None


def modality_codes(texts: Iterable[str]) -> tuple[str, ...]:
    """The codes in these texts, each once and sorted; lists and backslashes alike, what is no code is left out."""
    parts = (part.strip().upper() for text in texts for part in text.split("\\"))
    return tuple(sorted({part for part in parts if _MODALITY.fullmatch(part)}))


def read_count(text: str | None) -> tuple[int | None, tuple[str, ...]]:
    """A number of series or instances, and the warning ``bad_number`` where there is one that cannot be read."""
    if text is None:
        return None, ()
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None, ("bad_number",)
    if not number.is_finite() or not 0 <= number <= _COUNT_LIMIT or number != int(number):
        return None, ("bad_number",)
    return int(number), ()
