"""The canonical record that both blocking and comparison read. Made only by ``normalize_record``.

Every part here is folded, cleaned and free of placeholders; empty text, 0, ``None`` or an empty tuple mean *missing*.
Nothing here shows a value in its ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class PlaceholderName(Enum):
    """Why a name says nothing about who the person is."""

    NEWBORN = "newborn"
    UNIDENTIFIED = "unidentified"
    TEST = "test"


class ComparableName(NamedTuple):
    """One name as folded tokens; ``family_text`` and ``given_text`` are the tokens written together."""

    family: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    middle: tuple[str, ...] = ()
    family_text: str = ""
    given_text: str = ""

    def __repr__(self) -> str:
        return "ComparableName(…)"


class ComparableDate(NamedTuple):
    """A birth date; month and day are 0 where they are not known."""

    year: int
    month: int = 0
    day: int = 0

    @property
    def is_complete(self) -> bool:
        return self.day > 0

    def __repr__(self) -> str:
        return "ComparableDate(…)"


class ComparableAddress(NamedTuple):
    """One address without its unit; ``postal_code`` without leading zeros.

    ``street`` has its words spelled one way and sorted; ``street_text`` has them as written, without blanks.
    """

    house_number: str = ""
    street: str = ""
    street_text: str = ""
    unit: str = ""
    city: str = ""
    postal_code: str = ""

    def __repr__(self) -> str:
        return "ComparableAddress(…)"


_NO_NAME = ComparableName()
_NO_ADDRESS = ComparableAddress()


@dataclass(frozen=True, slots=True, repr=False)
class ComparableRecord:
    """What two records are compared on.

    ``generation`` is 1 for Sr, 2 for Jr or II and so on, 0 when not said. ``birth_order`` is the letter or digit of a
    newborn's place among twins. ``strong_ids`` are (type, value), at most one person each; ``local_ids`` are
    (assigning authority, number). Both sorted.
    """

    name: ComparableName = _NO_NAME
    aliases: tuple[ComparableName, ...] = ()
    placeholder: PlaceholderName | None = None
    birth_order: str = ""
    generation: int = 0
    birth_date: ComparableDate | None = None
    sex: str = ""
    phones: tuple[str, ...] = ()
    address: ComparableAddress = _NO_ADDRESS
    ssn_last4: str = ""
    strong_ids: tuple[tuple[str, str], ...] = ()
    local_ids: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[ComparableName, ...]:
        """The name and its aliases, the name first."""
        return (self.name, *self.aliases)

    def __repr__(self) -> str:
        return "ComparableRecord(…)"
