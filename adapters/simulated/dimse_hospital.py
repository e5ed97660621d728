"""A demo hospital's archive as a real Query/Retrieve SCP on loopback: C-ECHO and C-FIND (Study Root).

Source: DICOM PS3.4 C.4.1.3 (SCP behaviour), C.2.2.2 (matching).
"""

from __future__ import annotations

import fnmatch
import logging
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import _config, evt

from adapters.simulated.faults import Fault, FaultSwitch
from adapters.simulated.hospital import SimulatedHospital, study_rows
from adapters.simulated.tidy_scp import TidyEntity

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
VERIFICATION = "1.2.840.10008.1.1"
_DRIP_SECONDS = 0.2
_PENDING, _SUCCESS, _OUT_OF_RESOURCES, _MISMATCH, _UNKNOWN_STATUS = 0xFF00, 0x0000, 0xA700, 0xA900, 0x0001
_MATCHED = ("PatientID", "StudyInstanceUID", "AccessionNumber")


class DimseHospital:
    """Serves one hospital. ``faults`` can be switched while it runs, through ``set_fault``."""

    def __init__(
        self, hospital: SimulatedHospital, *, ae_title: str | None = None, tls_context: ssl.SSLContext | None = None
    ) -> None:
        _silence_pynetdicom()
        self.hospital = hospital
        self.ae_title = ae_title or str(hospital.site_id)
        self.faults = FaultSwitch()
        self._tls_context = tls_context
        self.association_count = 0
        self._rows = tuple(_dataset(row) for row in study_rows(hospital))
        self._entity: TidyEntity | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the first start."""
        return self._port

    def start(self) -> int:
        """Listen on loopback (any free port; the same again after a stop). Returns the port."""
        entity = TidyEntity(ae_title=self.ae_title)
        entity.add_supported_context(STUDY_ROOT_FIND)
        entity.add_supported_context(VERIFICATION)
        entity.require_called_aet = True
        entity.network_timeout = 60
        handlers = [
            (evt.EVT_CONN_OPEN, self._on_connection),
            (evt.EVT_C_FIND, self._on_find),
            (evt.EVT_C_ECHO, self._on_echo),
        ]
        self._port = entity.listen(handlers, port=self._port, ssl_context=self._tls_context)
        self._entity = entity
        return self._port

    def stop(self) -> None:
        """Stop listening, end every association and wait until all are over. Idempotent."""
        self.faults.changed.set()
        entity, self._entity = self._entity, None
        if entity is not None:
            entity.shutdown()

    def set_fault(self, fault: Fault, *, latency_ms: int = 0) -> None:
        """Switch trouble on or off. REFUSE closes the listener, anything else opens it again."""
        self.faults.set(fault, latency_ms=latency_ms)
        if fault is Fault.REFUSE:
            self.stop()
        elif self._entity is None and self._port:
            self.start()

    def _on_connection(self, event: evt.Event) -> None:
        self.association_count += 1
        connection: Any = event.assoc.dul.socket
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_echo(self, event: evt.Event) -> int:
        self._wait()
        if self.faults.fault is Fault.ABORT:
            event.assoc.abort()
        return _OUT_OF_RESOURCES if self.faults.fault is Fault.SERVER_ERROR else _SUCCESS

    def _on_find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        self._wait()
        status = {Fault.SERVER_ERROR: _OUT_OF_RESOURCES, Fault.LOGIN_PAGE: _UNKNOWN_STATUS}.get(self.faults.fault)
        query = event.identifier
        if query.get("QueryRetrieveLevel") != "STUDY":
            status = _MISMATCH
        if status is not None:
            yield status, None
            return
        for row in (row for row in self._rows if _matches(row, query)):
            yield _PENDING, _asked_for(row, query)
            if self.faults.fault is Fault.SLOW_DRIP:
                self.faults.changed.wait(_DRIP_SECONDS)
            if self.faults.fault is Fault.ABORT:
                event.assoc.abort()
                return
        yield _SUCCESS, None

    def _wait(self) -> None:
        faults = self.faults
        if faults.fault is Fault.HANG:
            faults.changed.wait()
        elif faults.latency_ms:
            faults.changed.wait(faults.latency_ms / 1000)


def _silence_pynetdicom() -> None:
    """The library logs identifiers by default; even invented ones would teach people to live with it."""
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


def _dataset(row: dict[str, dict[str, Any]]) -> Dataset:
    dataset = Dataset.from_json(row)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    return dataset


def _matches(row: Dataset, query: Dataset) -> bool:
    """Wildcard matching as archives do it: ``*`` and ``?`` match anything, an empty key matches all."""
    keys = ((str(query.get(keyword) or "").strip(), str(row.get(keyword, ""))) for keyword in _MATCHED)
    return all(not asked or fnmatch.fnmatchcase(value, asked.replace("[", "[[]")) for asked, value in keys)


def _asked_for(row: Dataset, query: Dataset) -> Dataset:
    answer = Dataset()
    answer.SpecificCharacterSet = row.SpecificCharacterSet
    answer.QueryRetrieveLevel = "STUDY"
    for element in query:
        if element.tag in row:
            answer.add(row[element.tag])
    return answer
