"""One row of a patients file (CSV columns of the contract) as an identifier and demographics.

Pure: reading the file, its encoding and its line numbers is the caller's.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mpi.errors import InvalidDemographics
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import PatientIdentifier

COLUMNS = (
    "record_id", "facility", "mrn", "family", "given", "middle", "suffix", "birth_date", "sex", "phone", "street",
    "city", "postal_code", "ssn_last4", "national_id", "registered_on",
)  # fmt: skip
"""Columns of the patients file; any other column is ignored."""

_ISO_TIME = re.compile(r"(?<=^\d{4}-\d{2}-\d{2})[T ]\d{2}:.*$")
_ISO_BASIC = re.compile(r"\d{8}")
_SEXES = {"F": AdministrativeSex.FEMALE, "FEMALE": AdministrativeSex.FEMALE, "W": AdministrativeSex.FEMALE,
          "M": AdministrativeSex.MALE, "MALE": AdministrativeSex.MALE,
          "O": AdministrativeSex.OTHER, "OTHER": AdministrativeSex.OTHER, "A": AdministrativeSex.OTHER}  # fmt: skip
_PLACEHOLDER_DATE = PartialDate(1900, 1, 1)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, repr=False)
class PatientRow:
    """What a row says. ``identifier`` is ``None`` without facility or number; ``record_id`` may be empty text."""

    record_id: str
    facility: str
    identifier: PatientIdentifier | None
    demographics: Demographics

    def __repr__(self) -> str:
        return "PatientRow(…)"


def patient_row(
    row: Mapping[str, str | None], *, date_format: str | None = None, today: dt.date | None = None
) -> PatientRow:
    """Map one row; missing columns and empty cells are missing values.

    ``date_format`` is a ``strptime`` form for files whose dates are not ISO; ISO dates are not taken then.
    ``today``: a birth date that lies ahead of it is no evidence, like a placeholder.

    Raises:
        InvalidDemographics: a date that cannot be read; the text names the column.
    """
    cells = {column: (row.get(column) or "").strip() for column in COLUMNS}
    cells = {column: "" if cell == '""' else cell for column, cell in cells.items()}
    birth_date, birth_date_sent = _birth_date(cells["birth_date"], date_format, today)
    identified = cells["facility"] and cells["mrn"]
    return PatientRow(
        record_id=cells["record_id"],
        facility=cells["facility"],
        identifier=PatientIdentifier(cells["facility"], cells["mrn"]) if identified else None,
        demographics=Demographics(
            name=_name(cells),
            birth_date=birth_date,
            birth_date_sent=birth_date_sent,
            sex=_sex(cells["sex"]),
            address=PostalAddress(cells["street"], cells["city"], cells["postal_code"]),
            phones=(cells["phone"],) if cells["phone"] else (),
            ssn_last4=cells["ssn_last4"],
            national_id=cells["national_id"],
        ),
    )


def _name(cells: Mapping[str, str]) -> PersonName:
    """The name columns, or a whole name in DICOM form (``FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX``) in ``family``."""
    family, given, middle, suffix = (cells[column] for column in ("family", "given", "middle", "suffix"))
    if "^" not in family:
        return PersonName(family, given, middle, "", suffix)
    parts = [part.strip() for part in family.split("=", 1)[0].split("^")]
    family, packed_given, packed_middle, prefix, packed_suffix = (parts + [""] * 5)[:5]
    return PersonName(family, packed_given or given, packed_middle or middle, prefix, packed_suffix or suffix)


def _birth_date(text: str, date_format: str | None, today: dt.date | None) -> tuple[PartialDate | None, str]:
    """The date and, where what was sent is no date that can exist, what was sent."""
    if not text:
        return None, ""
    if date_format is not None:
        return _evidence(_declared_date(text, date_format), text, today)
    digits = text.replace("-", "")
    if (digits.isdigit() and len(digits) in (4, 6, 8) and set(digits) <= {"0"}) or set(digits) <= {"9"}:
        return None, text
    day = _ISO_TIME.sub("", text)
    if _ISO_BASIC.fullmatch(day):
        day = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    if not _has_iso_shape(day):
        raise InvalidDemographics("birth_date is not an ISO date; declare the format of the file")
    try:
        return _evidence(PartialDate.parse(day), text, today)
    except InvalidDemographics:
        return None, text


def _evidence(date: PartialDate, text: str, today: dt.date | None) -> tuple[PartialDate | None, str]:
    first_day = dt.date(date.year, date.month or 1, date.day or 1)
    is_ahead = today is not None and first_day > today + _DAY
    return (None, text) if is_ahead or date.year == 1 or date == _PLACEHOLDER_DATE else (date, "")


def _has_iso_shape(text: str) -> bool:
    parts = text.split("-")
    return len(parts) <= 3 and [len(part) for part in parts] == [4, 2, 2][: len(parts)] and "".join(parts).isdigit()


def _declared_date(text: str, date_format: str) -> PartialDate:
    try:
        date = dt.datetime.strptime(text, date_format).date()  # noqa: DTZ007 - a day has no time zone
    except ValueError as error:
        raise InvalidDemographics("birth_date does not have the declared format") from error
    return PartialDate(date.year, date.month, date.day)


def _sex(text: str) -> AdministrativeSex | None:
    """A code nobody knows says nothing, as in a message: a patient is not lost over it."""
    return _SEXES.get(text.upper())
