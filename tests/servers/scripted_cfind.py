"""A real SCP that answers a C-FIND with exactly what a case says, also with what no good SCP would send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.dsutils import encode

from adapters.dicom.quiet_libraries import silence_pynetdicom
from adapters.simulated.tidy_scp import TidyEntity

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
AE_TITLE = "SCRIPTED"


@dataclass(frozen=True, slots=True)
class FindReply:
    """One response. ``status`` ``None``: abort the association here. ``identifier`` may be raw bytes."""

    status: int | None
    identifier: Dataset | bytes | None = None


@dataclass(slots=True)
class ScriptedCfind:
    """The running server."""

    port: int
    queries: list[Dataset]
    association_count: int = 0


@contextmanager
def scripted_cfind(
    *scripts: Sequence[FindReply], models: Sequence[str] = (STUDY_ROOT_FIND,), echo: bool = True
) -> Iterator[ScriptedCfind]:
    """Serve on a free loopback port; the n-th query gets the n-th script, further ones the last.

    After a script that ended with a final status the association is aborted, so that nothing else is sent.
    """
    silence_pynetdicom()
    running = ScriptedCfind(0, [])

    def on_connection(_: evt.Event) -> None:
        running.association_count += 1

    def on_find(event: evt.Event) -> Iterator[tuple[int, None]]:
        running.queries.append(event.identifier)
        for reply in scripts[min(len(running.queries), len(scripts)) - 1]:
            if reply.status is None:
                break
            _send(event, reply)
        event.assoc.abort()
        yield 0xC000, None

    entity = TidyEntity(ae_title=AE_TITLE)
    for model in models:
        entity.add_supported_context(model, ImplicitVRLittleEndian)
    if echo:
        entity.add_supported_context("1.2.840.10008.1.1")
    handlers: list[Any] = [(evt.EVT_CONN_OPEN, on_connection), (evt.EVT_C_FIND, on_find)]
    running.port = entity.listen(handlers)
    try:
        yield running
    finally:
        entity.shutdown()


def _send(event: evt.Event, reply: FindReply) -> None:
    request = event.request
    response = C_FIND()
    response.MessageID = request.MessageID
    response.MessageIDBeingRespondedTo = request.MessageID
    response.AffectedSOPClassUID = request.AffectedSOPClassUID
    response.Status = reply.status
    if reply.identifier is not None:
        raw = reply.identifier if isinstance(reply.identifier, bytes) else encode(reply.identifier, True, True)
        response.Identifier = BytesIO(raw or b"")
    event.assoc.dimse.send_msg(response, event.context.context_id)
