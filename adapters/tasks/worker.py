"""A worker inside this process: threads that take ids off the broker and run the actors."""

from __future__ import annotations

from typing import Self

import dramatiq

from adapters.tasks.actors import QUEUE_NAME

_IDLE_WAIT_MS = 200
_STOP_TIMEOUT_MS = 30_000


class InProcessWorker:
    """Runs the actors of a broker in some threads, from ``start`` to ``stop``. One at a time in a process."""

    def __init__(self, broker: dramatiq.Broker, *, threads: int = 2) -> None:
        self._broker = broker
        self._threads = threads
        self._worker: dramatiq.Worker | None = None

    def start(self) -> None:
        """Begin to work. A worker that runs already goes on."""
        if self._worker is None:
            self._worker = dramatiq.Worker(
                self._broker, queues={QUEUE_NAME}, worker_timeout=_IDLE_WAIT_MS, worker_threads=self._threads
            )
            self._worker.start()

    def stop(self) -> None:
        """Let the messages in hand end, give the others back to the broker, end all threads. Idempotent."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.stop(timeout=_STOP_TIMEOUT_MS)
        # What dramatiq hung on the broker would start threads of the stopped worker for every queue declared later.
        self._broker.middleware[:] = [part for part in self._broker.middleware if getattr(part, "worker", 0) != worker]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
