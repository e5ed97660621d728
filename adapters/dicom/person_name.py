"""Person names of DICOM: up to three groups parted by ``=``, five components parted by ``^``.

Source: DICOM PS3.5 6.2.1. What cannot be parsed with certainty is kept for people and is no evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

from federation.imaging.archive_values import clean_text
from mpi.identity.demographics import PersonName


@dataclass(frozen=True, slots=True, repr=False)
class ParsedName:
    """A name and how far it can be trusted. ``name`` is ``None`` when unknown (no letters in any group)."""

    name: PersonName | None = None
    ideographic: PersonName | None = None
    phonetic: PersonName | None = None
    is_evidence: bool = False


def parse_person_name(text: str | None) -> ParsedName:
    """Read a name. A name in ideographs alone is no evidence: its sound is not known."""
    groups = [*(text or "").split("="), "", "", ""][:3]
    (alphabetic, is_certain), (ideographic, _), (phonetic, _) = (_parse_group(group) for group in groups)
    if alphabetic is not None:
        return ParsedName(
            alphabetic, ideographic, phonetic, is_certain and "\N{REPLACEMENT CHARACTER}" not in groups[0]
        )
    return ParsedName(ideographic or phonetic, ideographic, phonetic, False)


def _parse_group(group: str) -> tuple[PersonName | None, bool]:
    """The name of one group, and whether its parts are certain."""
    if not any(character.isalpha() for character in group):
        return None, False
    components = [clean_text(component) for component in group.split("^")]
    family, given, middle, prefix, suffix = [*components, "", "", "", "", ""][:5]
    if "," in family and not (given or middle):
        return _split_at_comma(family, prefix, suffix), True
    return PersonName(family, given, middle, prefix, suffix), len(components) > 1


def _split_at_comma(text: str, prefix: str, suffix: str) -> PersonName:
    """``FAMILY, GIVEN M``: a last single letter is the middle name."""
    family, _, rest = text.partition(",")
    words = rest.replace(",", " ").split()
    middle = ""
    if len(words) > 1 and len(words[-1].rstrip(".")) == 1:
        middle = words.pop().rstrip(".")
    return PersonName(family.strip(), " ".join(words), middle, prefix, suffix)
