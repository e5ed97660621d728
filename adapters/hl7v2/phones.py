"""Telephone numbers in PID-13, PID-14 and PID-40, in the forms that versions 2.1 to 2.9 write them.

Source: HL7 v2.5 chapter 2.A.89 (XTN), table 0202.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from adapters.hl7v2.message import NULL, Repetition

_NO_PHONE = frozenset({"NET", "INTERNET", "X.400", "FX", "MD", "TTY", "TDD"})
_AFTER_NUMBER = re.compile(r"\s*(?:[Xx]|ext\.?)\s*\d+.*$|\s*[BC](?=[\s\d]).*$", re.IGNORECASE | re.DOTALL)
_NOT_DIGIT = re.compile(r"\D")
_FULL_NUMBER_DIGITS = 10


def phone_numbers(repetitions: Iterable[Repetition]) -> tuple[str, ...]:
    """Numbers as written, without extension; e-mail addresses and fax lines are left out."""
    found = (_number(xtn) for xtn in repetitions if not xtn.is_null)
    return tuple(dict.fromkeys(number for number in found if number))


def _number(xtn: Repetition) -> str:
    if {xtn.component(2).upper(), xtn.component(3).upper()} & _NO_PHONE:
        return ""
    written = _AFTER_NUMBER.sub("", _text(xtn, 1))
    composed = _composed(xtn)
    if _digit_count(written) < _FULL_NUMBER_DIGITS and _digit_count(composed) > _digit_count(written):
        return composed
    return written if _digit_count(written) else ""


def _composed(xtn: Repetition) -> str:
    """From country, area and local number, else the unformatted number of version 2.7."""
    country, area, local = (_text(xtn, n) for n in (5, 6, 7))
    if not _digit_count(local):
        return _text(xtn, 12)
    prefix = f"+{_NOT_DIGIT.sub('', country)} " if _digit_count(country) else ""
    return f"{prefix}{area} {local}".strip()


def _text(xtn: Repetition, number: int) -> str:
    text = xtn.component(number)
    return "" if text == NULL else text


def _digit_count(text: str) -> int:
    return len(_NOT_DIGIT.sub("", text))
