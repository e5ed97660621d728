"""What is said about a person: names, birth date with its precision, sex, addresses, phones, strong ids.

Values here are as received (escapes and character sets resolved). Canonical forms for comparison are made by
``mpi.matching.normalize``. No ``__repr__`` shows a value: these objects end up in log lines and tracebacks.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from enum import Enum

from mpi.errors import InvalidDemographics


class AdministrativeSex(Enum):
    """Source: HL7 table 0001. Unknown is ``None`` wherever a sex is optional, never a member."""

    FEMALE = "F"
    MALE = "M"
    OTHER = "O"


@dataclass(frozen=True, slots=True, repr=False)
class PersonName:
    """One name. Missing parts are empty text. ``use`` is the HL7 name type (L legal, M maiden, ...) or empty."""

    family: str = ""
    given: str = ""
    middle: str = ""
    prefix: str = ""
    suffix: str = ""
    use: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.family or self.given or self.middle)

    def __repr__(self) -> str:
        return "PersonName(…)"


_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


@dataclass(frozen=True, slots=True, repr=False)
class PartialDate:
    """A calendar date known to the year, the month or the day. Never holds an invented part.

    Raises:
        InvalidDemographics: a day without a month, or a date that does not exist.
    """

    year: int
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        if self.month is None and self.day is not None:
            raise InvalidDemographics("date has a day but no month")
        if not 1 <= self.year <= 9999 or (self.month is not None and not 1 <= self.month <= 12):
            raise InvalidDemographics("date does not exist")
        if self.month is not None and self.day is not None:
            try:
                dt.date(self.year, self.month, self.day)
            except ValueError:
                raise InvalidDemographics("date does not exist") from None

    @classmethod
    def parse(cls, text: str) -> PartialDate:
        """Read ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``."""
        match = _PARTIAL_DATE.fullmatch(text.strip())
        if match is None:
            raise InvalidDemographics("date is not YYYY, YYYY-MM or YYYY-MM-DD")
        year, month, day = (int(part) if part else None for part in match.groups())
        return cls(year or 0, month, day)

    @property
    def is_complete(self) -> bool:
        return self.month is not None and self.day is not None

    def as_date(self) -> dt.date | None:
        """The day, or ``None`` when only year or month are known."""
        if self.month is None or self.day is None:
            return None
        return dt.date(self.year, self.month, self.day)

    def isoformat(self) -> str:
        """``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``."""
        text = f"{self.year:04d}"
        if self.month is not None:
            text += f"-{self.month:02d}"
        if self.day is not None:
            text += f"-{self.day:02d}"
        return text

    def __repr__(self) -> str:
        return "PartialDate(…)"


@dataclass(frozen=True, slots=True, repr=False)
class PostalAddress:
    """One address; missing parts are empty text."""

    street: str = ""
    city: str = ""
    postal_code: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.street or self.city or self.postal_code)

    def __repr__(self) -> str:
        return "PostalAddress(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Demographics:
    """All that one site says about one person at one time.

    ``birth_date`` is ``None`` when missing, impossible or a placeholder; ``birth_date_sent`` keeps what was sent
    then. ``phones`` as written. ``ssn_last4`` and ``national_id`` are empty text when missing.
    """

    name: PersonName = field(default_factory=PersonName)
    aliases: tuple[PersonName, ...] = ()
    birth_date: PartialDate | None = None
    birth_date_sent: str = ""
    sex: AdministrativeSex | None = None
    address: PostalAddress = field(default_factory=PostalAddress)
    phones: tuple[str, ...] = ()
    ssn_last4: str = ""
    national_id: str = ""

    def __repr__(self) -> str:
        return "Demographics(…)"
