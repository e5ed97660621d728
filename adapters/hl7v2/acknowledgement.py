"""The answer to a message: MSH, MSA and, when something is wrong, ERR.

Acknowledgements use the usual separators, which every receiver has to read from MSH-1 and MSH-2, and the message's
character set if it can hold them, else UTF-8. Source: HL7 v2.5 chapter 2.9.2 (original mode), 2.15.5 (ERR), 2.15.8.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from adapters.hl7v2.charset import CharacterSet
from adapters.hl7v2.errors import ErrorCode, FieldError, Location, NotSupported
from adapters.hl7v2.escapes import STANDARD, escape_text
from adapters.hl7v2.message import Message, Segment
from adapters.hl7v2.times import format_timestamp

_CODE_TEXTS = {
    ErrorCode.SEGMENT_SEQUENCE: "Segment sequence error",
    ErrorCode.REQUIRED_FIELD_MISSING: "Required field missing",
    ErrorCode.DATA_TYPE: "Data type error",
    ErrorCode.TABLE_VALUE_NOT_FOUND: "Table value not found",
    ErrorCode.UNSUPPORTED_MESSAGE_TYPE: "Unsupported message type",
    ErrorCode.UNSUPPORTED_EVENT: "Unsupported event code",
    ErrorCode.UNSUPPORTED_PROCESSING_ID: "Unsupported processing id",
    ErrorCode.UNSUPPORTED_VERSION: "Unsupported version id",
    ErrorCode.UNKNOWN_KEY: "Unknown key identifier",
    ErrorCode.DUPLICATE_KEY: "Duplicate key identifier",
    ErrorCode.INTERNAL: "Application internal error",
}
_FRAME_BYTES = {0x0B: None, 0x1C: None}
_CONTROL_ID_LENGTH = 20
_VERSIONS_WITH_OLD_ERR = ("2.1", "2.2", "2.3", "2.4")


class AcknowledgementCode(Enum):
    """AA: stored for good. AE: the content is wrong. AR: we do not handle such messages. Source: HL7 table 0008."""

    AA = "AA"
    AE = "AE"
    AR = "AR"


@dataclass(frozen=True, slots=True)
class Problem:
    """What ERR says: where, which code of table 0357, and a text that names fields and no values."""

    location: Location
    code: ErrorCode
    text: str

    @classmethod
    def of(cls, error: FieldError | NotSupported) -> Problem:
        return cls(error.location, error.code, str(error))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An answer before it is written. ``problem`` is ``None`` exactly with AA."""

    code: AcknowledgementCode
    problem: Problem | None = None


def render(answer: Acknowledgement, message: Message | None, *, event: str, at: dt.datetime, control_id: str) -> bytes:
    """The bytes to send back (without frame). ``message`` is ``None`` when no header could be read."""
    msh = message.header if message is not None else None
    version = _copied(msh, 12)
    segments = [
        [
            "MSH",
            "^~\\&",
            *(_copied(msh, n) for n in (5, 6, 3, 4)),
            format_timestamp(at),
            "",
            f"ACK^{event}^ACK" if event else "ACK",
            control_id.replace("-", "")[-_CONTROL_ID_LENGTH:],
            _copied(msh, 11) or "P",
            version or "2.5",
        ],
        ["MSA", answer.code.value, _copied(msh, 10)],
    ]
    if answer.problem is not None:
        segments.append(_err(answer.problem, version))
    return _encode(segments, message)


def _err(problem: Problem, version: str) -> list[str]:
    text = f"{problem.code.value}^{_CODE_TEXTS[problem.code]}^HL70357"
    old = f"{problem.location}^{text.replace('^', '&')}" if version.startswith(_VERSIONS_WITH_OLD_ERR) else ""
    return ["ERR", old, str(problem.location), text, "E", "", "", escape_text(problem.text)]


def _copied(msh: Segment | None, number: int) -> str:
    """A field of the message's header as the acknowledgement's: verbatim unless its separators are unusual."""
    if msh is None:
        return ""
    text = msh.raw(number)
    if msh.encoding.separators != STANDARD:
        text = "~".join(
            "^".join("&".join(escape_text(part) for part in component) for component in repetition.components)
            for repetition in msh.encoding.split_field(text)
        )
    return text.translate(_FRAME_BYTES).strip()


def _encode(segments: list[list[str]], message: Message | None) -> bytes:
    text = "\r".join("|".join(fields) for fields in segments) + "\r"
    if text.isascii() or message is None:
        return text.encode()
    character_set = message.encoding.character_set
    if (encoded := _encoded(text, character_set)) is not None and not message.warnings:
        declared = message.header.raw(18).strip()
        return _encoded(_with_charset(segments, declared), character_set) or encoded
    return _with_charset(segments, "UNICODE UTF-8").encode()


def _encoded(text: str, character_set: CharacterSet) -> bytes | None:
    try:
        return text.encode(character_set.codec)
    except UnicodeEncodeError:
        return None


def _with_charset(segments: list[list[str]], declared: str) -> str:
    header, *rest = segments
    if declared:
        header = [*header, "", "", "", "", "", declared]
    return "\r".join("|".join(fields) for fields in (header, *rest)) + "\r"
