"""Associations kept open between queries: opening one costs more than a query."""

from __future__ import annotations

import random
import ssl
import threading
import time

from pynetdicom.association import Association

from adapters.connection.tls import client_context
from adapters.dicom.dimse_association import Call, dispose, is_silent, open_association
from adapters.dicom.dimse_socket import WatchedTlsSocket
from adapters.dicom.settings import DimseSettings
from federation.errors import SourceUnavailable

_JITTER = random.SystemRandom()
_RETRY_AFTER_SECONDS = (0.05, 0.15)


class AssociationPool:
    """Idle associations of one archive, newest first. Safe to use from several threads."""

    def __init__(self, settings: DimseSettings) -> None:
        self._settings = settings
        self._idle: list[tuple[Association, float]] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self._tls_context: ssl.SSLContext | None = None

    def take(self, call: Call) -> tuple[Association, bool]:
        """An association for this call, and whether it was used before (and may turn out broken)."""
        while True:
            with self._lock:
                association, since = self._idle.pop() if self._idle else (None, 0.0)
            if association is None:
                return self.open(call), False
            is_fresh = time.monotonic() - since <= self._settings.idle_seconds
            if is_fresh and association.is_established and is_silent(association):
                call.attach(association)
                return association, True
            dispose(association, politely=False)

    def open(self, call: Call) -> Association:
        """A new association for this call; one refusal for lack of room is tried again after a moment.

        Raises:
            SourceError: as ``open_association`` does.
        """
        context = self._context()
        try:
            association = open_association(self._settings, call, context)
        except SourceUnavailable as error:
            if error.reason != "association_limit" or call.severed.wait(_JITTER.uniform(*_RETRY_AFTER_SECONDS)):
                raise
            association = open_association(self._settings, call, context)
        call.attach(association)
        return association

    def give_back(self, association: Association, *, is_usable: bool) -> None:
        """Keep an association for the next call; a broken one, or one that comes too late, is ended."""
        with self._lock:
            is_kept = is_usable and association.is_established and not self._is_closed
            if is_kept:
                self._idle.append((association, time.monotonic()))
        if not is_kept:
            dispose(association, politely=is_usable)

    def _context(self) -> ssl.SSLContext | None:
        """How TLS is spoken, made of the files once; ``None``: it is not."""
        if self._settings.tls is None:
            return None
        with self._lock:
            if self._tls_context is None:
                context = client_context(self._settings.tls)
                context.sslsocket_class = WatchedTlsSocket
                self._tls_context = context
            return self._tls_context

    def close(self) -> None:
        """Release what is idle. Blocks shortly."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for association, _ in idle:
            dispose(association, politely=True)
