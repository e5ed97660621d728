"""From the bytes of one message to the bytes of its acknowledgement.

    decode -> header -> claim (a repeat gets the first acknowledgement) -> effect + history + audit + acknowledgement
    in one transaction -> commit -> answer

A refusal (AE) keeps nothing of the message's effect, but is remembered itself, and a refused merge is put before
staff. A failure of ours (AE 207) keeps nothing at all, so that the sender's repeat is taken as new.
Walk: docs/architecture.md, *An A40 merge*.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from adapters.hl7v2.acknowledgement import Acknowledgement, AcknowledgementCode, Problem, render
from adapters.hl7v2.effects import EFFECTS, Received, Tools
from adapters.hl7v2.errors import ErrorCode, FieldError, Location, NotHl7, NotSupported, UndecodableText
from adapters.hl7v2.header import Header, Route, read_header, require_header, route_of
from adapters.hl7v2.identifiers import Issuers, MergeNotPossible
from adapters.hl7v2.message import Message, parse_message, read_envelope, trimmed
from adapters.hl7v2.order_effect import NormalizeOrder, without_code_maps
from adapters.hl7v2.settings import Hl7Settings
from adapters.hl7v2.times import event_time
from federation.ports import UnitOfWork
from mpi.audit import AuditEvent, AuditOutcome
from mpi.identity.identifiers import EnterpriseId
from mpi.identity.review import ReviewKind
from mpi.ports import Clock, NewId
from mpi.units import carry_out
from mpi.usecases.matcher import Matcher
from mpi.usecases.open_review import open_review

Observe = Callable[[str, Mapping[str, object]], None]
"""Takes a constant event name and its fields: ids, codes, durations; never a person's values."""

_ATTEMPTS = 2
_HARMLESS_ID = re.compile(r"[\w.:/+-]{1,199}", re.ASCII)
_NOT_HL7 = Acknowledgement(
    AcknowledgementCode.AR, Problem(Location("MSH"), ErrorCode.SEGMENT_SEQUENCE, "no MSH segment")
)
_UNREADABLE = Acknowledgement(
    AcknowledgementCode.AE,
    Problem(Location("MSH", 18), ErrorCode.DATA_TYPE, "text is not in the declared character set"),
)
_TOO_LARGE = Acknowledgement(
    AcknowledgementCode.AR, Problem(Location("MSH"), ErrorCode.INTERNAL, "message is larger than this listener takes")
)
_FAILED = Acknowledgement(
    AcknowledgementCode.AE, Problem(Location("MSH"), ErrorCode.INTERNAL, "could not be stored, please send again")
)


class Dispatcher:
    """Handles one message at a time; may be called from several threads at once."""

    def __init__(
        self,
        uow_factory: Callable[[], UnitOfWork],
        *,
        matcher: Matcher,
        clock: Clock,
        new_id: NewId,
        settings: Hl7Settings,
        observe: Observe,
        normalize_order: NormalizeOrder = without_code_maps,
    ) -> None:
        self._uow_factory = uow_factory
        self._tools = Tools(matcher, clock, new_id, normalize_order, settings.refresh_events)
        self._clock = clock
        self._new_id = new_id
        self._settings = settings
        self._observe = observe

    def handle(self, raw: bytes) -> bytes:
        """Take one message (without frame) and return its acknowledgement. Never raises."""
        try:
            data = trimmed(raw)
            envelope = read_envelope(data)
        except (NotHl7, UndecodableText):
            return self._answer(_NOT_HL7, None)
        site = self._settings.site(read_header(envelope).facility)
        try:
            message = parse_message(data, fallback_charset=site.fallback_charset)
        except UndecodableText:
            return self._answer(_UNREADABLE, envelope)
        return self._handle_message(message, hashlib.sha256(data).hexdigest())

    def refuse_oversized(self, beginning: bytes) -> bytes:
        """The answer to a message that was too long to be read whole; ``beginning`` is what was kept of it."""
        try:
            return self._answer(_TOO_LARGE, read_envelope(trimmed(beginning)))
        except (NotHl7, UndecodableText):
            return self._answer(_TOO_LARGE, None)

    def _handle_message(self, message: Message, content_hash: str) -> bytes:
        header = read_header(message)
        try:
            require_header(header)
            route = route_of(header, processing_ids=self._settings.processing_ids)
        except FieldError as error:
            return self._answer(Acknowledgement(AcknowledgementCode.AE, Problem.of(error)), message)
        except NotSupported as error:
            return self._answer(Acknowledgement(AcknowledgementCode.AR, Problem.of(error)), message)
        received = self._received(message, header, content_hash)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._take(received, route)
            except Exception as error:  # noqa: BLE001 - whatever fails here, the sender needs an answer
                self._tell("hl7_attempt_failed", header, attempt=attempt, error=type(error).__name__)
        return self._answer(_FAILED, message)

    def _received(self, message: Message, header: Header, content_hash: str) -> Received:
        site = self._settings.site(header.facility)
        registry = self._tools.matcher.authorities
        own = site.assigning_authority or registry.canonical_name(header.facility, header.facility_universal_id)
        received_at = self._clock()
        return Received(
            message=message,
            header=header,
            issuers=Issuers(registry, own),
            event_at=event_time(message, zone=site.time_zone, received_at=received_at),
            received_at=received_at,
            content_hash=content_hash,
        )

    def _take(self, received: Received, route: Route) -> bytes:
        def take(uow: UnitOfWork) -> bytes:
            if (first := self._claim(received, uow)) is not None:
                return first
            subject = EFFECTS[route](received, uow, self._tools)
            return self._keep(Acknowledgement(AcknowledgementCode.AA), received, uow, subject)

        try:
            return carry_out(self._uow_factory, take)
        except FieldError as refusal:
            return self._refuse(received, refusal)

    def _refuse(self, received: Received, refusal: FieldError) -> bytes:
        """In a transaction of its own: the first one is undone, whatever it had begun."""

        def refuse(uow: UnitOfWork) -> bytes:
            if (first := self._claim(received, uow)) is not None:
                return first
            if isinstance(refusal, MergeNotPossible):
                open_review(
                    ReviewKind.MERGE_REFUSED,
                    refusal.survivor,
                    refusal.subsumed or refusal.survivor,
                    source=received.source,
                    uow=uow,
                    clock=self._clock,
                    new_id=self._new_id,
                )
            return self._keep(Acknowledgement(AcknowledgementCode.AE, Problem.of(refusal)), received, uow, None)

        return carry_out(self._uow_factory, refuse)

    def _claim(self, received: Received, uow: UnitOfWork) -> bytes | None:
        """The acknowledgement of this very message if it was taken before; keeps others with it out if not."""
        header = received.header
        uow.lock([f"hl7:{header.sender}|{header.message_control_id}"])
        stored = uow.inbox.stored_acknowledgement(header.sender, header.message_control_id, received.content_hash)
        if stored is not None:
            self._tell("hl7_message_repeated", header)
        return stored

    def _keep(
        self, answer: Acknowledgement, received: Received, uow: UnitOfWork, subject: EnterpriseId | None
    ) -> bytes:
        header = received.header
        acknowledgement = self._render(answer, received.message)
        uow.audit.append(
            AuditEvent(
                at=received.received_at,
                actor=header.sender,
                role="",
                action=f"hl7:{header.event_name}",
                outcome=AuditOutcome.SUCCESS if answer.problem is None else AuditOutcome.FAILED,
                subject=subject,
                correlation_id=header.message_control_id,
                detail=_detail(answer),
            )
        )
        uow.inbox.keep(
            header.sender,
            header.message_control_id,
            received.content_hash,
            acknowledgement=acknowledgement,
            received_at=received.received_at,
        )
        uow.commit()
        elapsed_ms = (self._clock() - received.received_at).total_seconds() * 1000
        self._tell(
            "hl7_message_handled",
            header,
            acknowledgement_code=answer.code.value,
            detail=_detail(answer),
            warnings=received.message.warnings,
            duration_ms=round(elapsed_ms, 1),
        )
        return acknowledgement

    def _answer(self, answer: Acknowledgement, message: Message | None) -> bytes:
        """An answer that nothing is kept of."""
        header = read_header(message) if message is not None else None
        self._tell("hl7_message_refused", header, acknowledgement_code=answer.code.value, detail=_detail(answer))
        return self._render(answer, message)

    def _render(self, answer: Acknowledgement, message: Message | None) -> bytes:
        event = read_header(message).event_name if message is not None else "unknown"
        return render(
            answer,
            message,
            event="" if event == "unknown" else event,
            at=self._clock(),
            control_id=self._new_id(),
        )

    def _tell(self, event: str, header: Header | None, **fields: object) -> None:
        if header is not None:
            is_known = header.facility in self._settings.sites or self._tools.matcher.authorities.is_registered(
                header.facility
            )
            control_id = header.message_control_id
            fields = {
                "message_control_id": control_id if _HARMLESS_ID.fullmatch(control_id) else "unknown",
                "trigger_event": header.event_name,
                "site": header.facility if is_known else "unknown",
                **fields,
            }
        self._observe(event, fields)


def _detail(answer: Acknowledgement) -> str:
    return answer.code.value if answer.problem is None else f"{answer.problem.code.value} {answer.problem.location}"
