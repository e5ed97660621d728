"""One association with an archive: opened inside a budget, cut off without waiting, ended without leftovers."""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from pynetdicom import DEFAULT_TRANSFER_SYNTAXES
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE

from adapters.connection.tls import error_of_tls
from adapters.dicom.attributes import Attributes
from adapters.dicom.dimse_query import error_of_rejection
from adapters.dicom.dimse_socket import QuickEntity, socket_of
from adapters.dicom.settings import DimseSettings
from federation.errors import SourceError, SourceProtocolError, SourceTimedOut, SourceUnavailable

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
VERIFICATION = "1.2.840.10008.1.1"


@dataclass(slots=True, repr=False, eq=False)
class Call:
    """One exchange in flight, shared by the event loop (which may cut it off) and the thread that carries it."""

    deadline: float
    rows: list[Attributes] = field(default_factory=list)
    severed: threading.Event = field(default_factory=threading.Event)
    _association: Association | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def attach(self, association: Association) -> None:
        """Say which association carries the exchange; cut it off at once if the exchange was given up meanwhile."""
        with self._lock:
            self._association = association
            if self.severed.is_set():
                sever(association)

    def detach(self) -> None:
        """The exchange is over: its association may serve others and must not be cut off any more."""
        with self._lock:
            self._association = None

    def sever(self) -> None:
        """Give the exchange up. Never blocks; the thread wakes up and cleans up."""
        with self._lock:
            self.severed.set()
            if self._association is not None:
                sever(self._association)


def is_silent(association: Association) -> bool:
    """Nothing waits to be read. What comes after a final status would be taken for the next query's answer."""
    return bool(association.dimse.msg_queue.empty()) and association.dimse.message is None


def sever(association: Association) -> None:
    """Cut an association off, from any thread, without waiting for anybody."""
    connection = socket_of(association)
    if connection is not None:
        connection.sever()


def dispose(association: Association, *, politely: bool) -> None:
    """End an association, its threads and its socket: released if ``politely``, else cut off."""
    if politely and association.is_established:
        association.acse_timeout = 1.0
        association.release()
    sever(association)
    association.kill()
    if association.is_alive():
        association.join(timeout=1.0)
    connection = socket_of(association)
    if connection is not None:
        connection.discard()


def open_association(settings: DimseSettings, call: Call, tls_context: ssl.SSLContext | None = None) -> Association:
    """A new association, by TLS if there is a context.

    Raises:
        SourceError: of the kind that fits what went wrong.
    """
    entity = _application_entity(settings, call)
    tls_args = None if tls_context is None else (tls_context, settings.server_name or settings.host)
    started = time.monotonic()
    try:
        association = entity.associate(
            settings.host, settings.port, ae_title=settings.called_ae_title, tls_args=tls_args
        )
    except (OSError, UnicodeError) as error:
        raise SourceUnavailable("host_not_found") from error
    if association.is_established:
        association.network_timeout = settings.idle_seconds
        return association
    failure = _why_not_established(association, entity, time.monotonic() - started)
    dispose(association, politely=False)
    raise failure


def find_model(association: Association) -> str:
    """Study root if the peer took it, else patient root.

    Raises:
        SourceProtocolError: the peer takes neither, or wants to speak it in a transfer syntax nobody proposed.
    """
    accepted = {str(c.abstract_syntax): str(c.transfer_syntax[0]) for c in association.accepted_contexts}
    for model in (STUDY_ROOT_FIND, PATIENT_ROOT_FIND):
        if model in accepted:
            if accepted[model] not in DEFAULT_TRANSFER_SYNTAXES:
                raise SourceProtocolError("transfer_syntax_not_proposed")
            return model
    raise SourceProtocolError("find_not_supported")


def find_models(association: Association) -> list[str]:
    """The query models that the peer took: ``study_root``, ``patient_root``."""
    accepted = {str(context.abstract_syntax) for context in association.accepted_contexts}
    models = {"study_root": STUDY_ROOT_FIND, "patient_root": PATIENT_ROOT_FIND}
    return [name for name, model in models.items() if model in accepted]


def _application_entity(settings: DimseSettings, call: Call) -> QuickEntity:
    entity = QuickEntity(settings.calling_ae_title, call.attach)
    seconds_left = call.seconds_left
    entity.connection_timeout = max(0.01, min(settings.connect_timeout_seconds, seconds_left))
    entity.acse_timeout = max(0.01, min(settings.acse_timeout_seconds, seconds_left))
    entity.dimse_timeout = seconds_left
    entity.network_timeout = settings.idle_seconds
    entity.add_requested_context(STUDY_ROOT_FIND)
    entity.add_requested_context(PATIENT_ROOT_FIND)
    entity.add_requested_context(VERIFICATION)
    return entity


def _why_not_established(association: Association, entity: QuickEntity, seconds: float) -> SourceError:
    if (rejection := _rejection_of(association)) is not None:
        return rejection
    connection = socket_of(association)
    if connection is not None and connection.tls_failure is not None:
        return error_of_tls(connection.tls_failure)
    if connection is None or not connection.was_connected:
        timed_out = seconds >= (entity.connection_timeout or 0)
        return SourceTimedOut("connect_timeout") if timed_out else SourceUnavailable("connection_refused")
    if seconds >= (entity.acse_timeout or 0):
        return SourceTimedOut("association_timeout")
    if not association.accepted_contexts and association.rejected_contexts:
        return SourceProtocolError("find_not_supported")
    return SourceUnavailable("association_aborted")


def _rejection_of(association: Association) -> SourceError | None:
    """What the peer's refusal means; ``None`` if it did not refuse.

    The library waits for the connection and then looks whether it still stands. A peer whose refusal has already come
    and ended the connection by then is taken for one that was never reached: its answer lies unread in the queue.
    """
    answer: Any = association.acceptor.primitive if association.is_rejected else association.dul.receive_pdu()
    is_rejection = isinstance(answer, A_ASSOCIATE) and bool(answer.result)
    return error_of_rejection(answer.result, answer.result_source, answer.diagnostic) if is_rejection else None
