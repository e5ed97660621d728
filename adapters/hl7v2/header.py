"""Who sent a message, what it is about, and whether we handle such messages at all.

Source: HL7 v2.5 chapter 2.15.9 (MSH). ``ADT_ROUTES`` lists the events.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from adapters.hl7v2.errors import ErrorCode, FieldError, Location, NotSupported
from adapters.hl7v2.message import NULL, Message

VERSIONS = frozenset("2.0 2.0D 2.1 2.2 2.3 2.3.1 2.3.2 2.4 2.5 2.5.1 2.6 2.7 2.7.1 2.8 2.8.1 2.8.2 2.9 2.9.1".split())
PROCESSING_IDS = frozenset({"P", "T", "D"})
LONGEST_CONTROL_ID = 199
_EVENT_CODE = re.compile(r"[A-Z][A-Z0-9]{2}")


class Route(Enum):
    """What is done with an event."""

    REGISTER = "register"
    MERGE = "merge"
    VISIT = "visit"
    LINK = "link"
    UNLINK = "unlink"
    RETIRE = "retire"
    ORDER = "order"
    RESULT = "result"


ADT_ROUTES: Mapping[str, Route] = (
    dict.fromkeys("A01 A04 A05 A08 A28 A31".split(), Route.REGISTER)
    | {"A24": Route.LINK, "A37": Route.UNLINK, "A29": Route.RETIRE}
    | dict.fromkeys("A18 A34 A40 A47".split(), Route.MERGE)
    | dict.fromkeys(
        "A02 A03 A06 A07 A09 A10 A11 A12 A13 A14 A15 A16 A17 A20 A21 A22 A25 A26 A27 A32 A33 A38"
        " A52 A53 A54 A55 A61 A62".split(),
        Route.VISIT,
    )
)
"""Events of message type ADT. Others about identity (A30, A35, A36, A43 ...) are refused, never dropped."""


OTHER_ROUTES: Mapping[tuple[str, str], Route] = {
    ("ORM", "O01"): Route.ORDER,
    ("ORM", ""): Route.ORDER,
    ("OMI", "O23"): Route.ORDER,
    ("OMG", "O19"): Route.ORDER,
    ("ORU", "R01"): Route.RESULT,
    ("ORU", ""): Route.RESULT,
}
"""Orders and results by type and event. Old senders name the type alone."""

_OTHER_TYPES = frozenset(kind for kind, _ in OTHER_ROUTES)


@dataclass(frozen=True, slots=True)
class Header:
    """The first segment. ``facility`` is the name (or OID) in MSH-4; ``sender`` is MSH-3 and MSH-4 as sent."""

    sender: str
    facility: str
    facility_universal_id: str
    message_type: str
    trigger_event: str
    message_control_id: str
    processing_id: str
    version: str

    @property
    def event_name(self) -> str:
        """The event for logs and audit: never free text of a message that is not HL7."""
        return self.trigger_event if _EVENT_CODE.fullmatch(self.trigger_event) else "unknown"


def read_header(message: Message) -> Header:
    """What MSH says; missing parts are empty text. Old senders put the event into EVN-1 only."""
    msh = message.header
    kind = msh.first(9)
    event = kind.component(2)
    evn = message.first("EVN")
    if not event and evn is not None:
        event = evn.text(1)
    facility = msh.first(4)
    control_id = msh.raw(10)
    return Header(
        sender=f"{msh.raw(3).strip()}|{msh.raw(4).strip()}",
        facility=facility.component(1) or facility.component(2),
        facility_universal_id=facility.component(2),
        message_type=kind.component(1).upper(),
        trigger_event=event.upper(),
        message_control_id="" if control_id.strip() == NULL else control_id.strip(),
        processing_id=msh.text(11).upper(),
        version=msh.text(12),
    )


def require_header(header: Header) -> None:
    """Without type or control id nothing can be done or answered.

    Raises:
        FieldError: MSH-9 or MSH-10 is missing, or MSH-10 is longer than any version allows.
    """
    if not header.message_control_id:
        raise FieldError(Location("MSH", 10), ErrorCode.REQUIRED_FIELD_MISSING, "message control id is missing")
    if len(header.message_control_id) > LONGEST_CONTROL_ID:
        raise FieldError(Location("MSH", 10), ErrorCode.DATA_TYPE, "message control id is too long")
    if not header.message_type:
        raise FieldError(Location("MSH", 9), ErrorCode.REQUIRED_FIELD_MISSING, "message type is missing")


def route_of(header: Header, *, processing_ids: frozenset[str] = PROCESSING_IDS) -> Route:
    """What to do with the message.

    Raises:
        NotSupported: a type, event, processing id or version that we do not handle.
    """
    if header.message_type not in ("ADT", *_OTHER_TYPES):
        raise NotSupported(Location("MSH", 9), ErrorCode.UNSUPPORTED_MESSAGE_TYPE, "message type is not handled")
    if header.message_type == "ADT":
        route = ADT_ROUTES.get(header.trigger_event)
    else:
        route = OTHER_ROUTES.get((header.message_type, header.trigger_event))
    if route is None:
        raise NotSupported(Location("MSH", 9), ErrorCode.UNSUPPORTED_EVENT, "trigger event is not handled")
    if header.processing_id and header.processing_id not in processing_ids:
        raise NotSupported(Location("MSH", 11), ErrorCode.UNSUPPORTED_PROCESSING_ID, "processing id is not handled")
    if header.version and header.version.upper() not in VERSIONS:
        raise NotSupported(Location("MSH", 12), ErrorCode.UNSUPPORTED_VERSION, "version is not handled")
    return route
