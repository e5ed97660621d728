"""The short form of an acknowledgement, for whoever sent the message."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.hl7v2.message import parse_message


@dataclass(frozen=True, slots=True)
class ReceivedAcknowledgement:
    """``error`` is ``location / code`` with the text of ERR-7, ``None`` where there is no ERR segment."""

    acknowledgement_code: str
    message_control_id: str
    error: str | None = None


def read_acknowledgement(raw: bytes) -> ReceivedAcknowledgement:
    """Read MSA and ERR of an acknowledgement (without frame)."""
    message = parse_message(raw, fallback_charset="utf-8")
    msa, err = message.first("MSA"), message.first("ERR")
    if msa is None:
        return ReceivedAcknowledgement("", "")
    error = None if err is None else f"{err.raw(2)} / {err.first(3).component(1)}: {err.text(7)}"
    return ReceivedAcknowledgement(msa.text(1), msa.text(2), error)
