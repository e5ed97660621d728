"""Errors of the HL7 v2 door.

    Hl7Error
    ├── FieldError          a field is missing or cannot be used: the message is answered AE
    ├── NotSupported        type, event, version or processing id that we do not handle: answered AR
    ├── NotHl7              bytes without an MSH segment
    └── UndecodableText     bytes that neither the declared nor the site's fall-back character set can read

Texts name fields, never what stood in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ErrorCode(IntEnum):
    """Message error condition codes. Source: HL7 v2.5 table 0357."""

    SEGMENT_SEQUENCE = 100
    REQUIRED_FIELD_MISSING = 101
    DATA_TYPE = 102
    TABLE_VALUE_NOT_FOUND = 103
    UNSUPPORTED_MESSAGE_TYPE = 200
    UNSUPPORTED_EVENT = 201
    UNSUPPORTED_PROCESSING_ID = 202
    UNSUPPORTED_VERSION = 203
    UNKNOWN_KEY = 204
    DUPLICATE_KEY = 205
    INTERNAL = 207


@dataclass(frozen=True, slots=True)
class Location:
    """Where in a message: segment name, which one of that name (1 = first), field number (0 = the whole segment)."""

    segment: str
    field: int = 0
    sequence: int = 1

    def __str__(self) -> str:
        place = f"{self.segment}^{self.sequence}"
        return f"{place}^{self.field}" if self.field else place


class Hl7Error(Exception):
    """Root of all errors raised by ``adapters.hl7v2``."""


class FieldError(Hl7Error):
    """Something in the content is missing or wrong: nothing of the message takes effect."""

    def __init__(self, location: Location, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.location = location
        self.code = code


class NotSupported(Hl7Error):
    """We do not handle this kind of message."""

    def __init__(self, location: Location, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.location = location
        self.code = code


class NotHl7(Hl7Error):
    """The bytes hold no MSH segment."""


class UndecodableText(Hl7Error):
    """The bytes cannot be read in any character set that may apply."""
