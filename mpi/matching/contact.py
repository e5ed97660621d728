"""Canonical phones and addresses."""

from __future__ import annotations

import re
from functools import lru_cache
from sys import intern

import phonenumbers

from mpi.identity.demographics import PostalAddress
from mpi.matching.comparable import ComparableAddress
from mpi.matching.names import fold
from mpi.matching.placeholders import is_placeholder_phone

_NOT_DIGIT = re.compile(r"\D+")
_EXTENSION = re.compile(r"(?:ext\.?|x|#)\s*\d+\s*$", re.IGNORECASE)
_STREET_WORDS = {
    "street": "st", "str": "st", "avenue": "ave", "av": "ave", "aven": "ave", "road": "rd", "drive": "dr", "drv": "dr",
    "lane": "ln", "boulevard": "blvd", "boul": "blvd", "court": "ct", "crt": "ct", "place": "pl", "plc": "pl",
    "terrace": "ter", "terr": "ter", "circle": "cir", "parkway": "pkwy", "highway": "hwy", "square": "sq",
    "trail": "trl", "crescent": "cres", "north": "n", "south": "s", "east": "e", "west": "w", "northeast": "ne",
    "northwest": "nw", "southeast": "se", "southwest": "sw", "mount": "mt", "fort": "ft", "saint": "st",
    "strasse": "st", "1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth", "5th": "fifth", "6th": "sixth",
    "7th": "seventh", "8th": "eighth", "9th": "ninth", "10th": "tenth",
}  # fmt: skip
_UNIT = re.compile(
    r"\s(?:apt|apartment|unit|suite|ste|flat|fl|rm|room|no)\b\.?\s*#?\s*([0-9a-z]+)\s*$|\s?#\s*([0-9a-z]+)\s*$"
)
_PO_BOX = re.compile(r"^p\s?o\s?box\s+(\w+)$")
_PLACEHOLDER_STREETS = frozenset({"unknown", "none", "na", "n a", "homeless", "general delivery", "no fixed abode",
                                  "no fixed address", "address unknown", "test", "1 test st"})  # fmt: skip
_SHORTEST_PHONE = 6


@lru_cache(maxsize=50_000)
def canonical_phone(text: str) -> str:
    """National digits without trunk and country prefix; empty when nothing usable or a placeholder."""
    text = _EXTENSION.sub("", text.strip())
    digits = _NOT_DIGIT.sub("", text)
    if text.startswith("+") or digits.startswith("00"):
        digits = _national_digits("+" + digits.lstrip("0")) or digits
    if len(digits) == 11 and digits.startswith("1"):
        digits = digits[1:]
    digits = digits.lstrip("0")
    if len(digits) < _SHORTEST_PHONE or is_placeholder_phone(digits):
        return ""
    return intern(digits[-10:])


def _national_digits(text: str) -> str:
    try:
        return str(phonenumbers.parse(text).national_number)
    except phonenumbers.NumberParseException:
        return ""


def comparable_address(address: PostalAddress) -> ComparableAddress:
    """Street words spelled one way and sorted, the unit taken off, the postal code without extension and zeros."""
    raw = address.street.casefold().strip()
    unit_match = _UNIT.search(raw)
    unit = (unit_match.group(1) or unit_match.group(2)) if unit_match else ""
    street = fold(raw[: unit_match.start()] if unit_match else raw)
    if street in _PLACEHOLDER_STREETS:
        street = ""
    number, words = _number_and_words(street)
    return ComparableAddress(
        house_number=intern(number),
        street=intern(" ".join(sorted(words))),
        street_text=intern("".join(words)),
        unit=intern(unit.lstrip("0")),
        city=intern(fold(address.city)),
        postal_code=intern(canonical_postal_code(address.postal_code)),
    )


def _number_and_words(street: str) -> tuple[str, list[str]]:
    box = _PO_BOX.match(street)
    if box:
        return box.group(1), ["po", "box"]
    words = [_STREET_WORDS.get(word, word) for word in street.split()]
    for index, word in enumerate(words):
        if word[0].isdigit() and not word.endswith(("st", "nd", "rd", "th")):
            return word, words[:index] + words[index + 1 :]
    return "", words


def canonical_postal_code(text: str) -> str:
    """Upper-case letters and digits; a ZIP+4 loses its extension, leading zeros (often lost on the way) are dropped."""
    code = re.sub(r"[^0-9A-Z]", "", text.upper().split("-")[0] if text[:1].isdigit() else text.upper())
    if code.isdigit() and len(code) == 9:
        code = code[:5]
    return "" if set(code) <= {"0"} or set(code) == {"9"} else code.lstrip("0")
