"""Sending requests over kept connections and timing each; the client's own time is part of what is measured."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple


class Timed(NamedTuple):
    """Milliseconds of each request, and the seconds all took."""

    times_ms: list[float]
    seconds: float


class FhirConnection:
    """One kept connection of one client."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}

    def post(self, path: str, body: bytes) -> bytes:
        """The answer's body; any status but 200 and 201 is an error of the benchmark."""
        self._connection.request("POST", f"/fhir/{path}", body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"status {answer.status}")
        return content

    def close(self) -> None:
        self._connection.close()


def post_all(port: int, token: str, path: str, bodies: Sequence[Any], *, clients: int) -> Timed:
    """Each client sends its share, one after the other."""
    encoded = [json.dumps(body).encode() for body in bodies]
    times: list[list[float]] = [[] for _ in range(clients)]

    def send(client: int) -> None:
        connection = FhirConnection(port, token)
        for body in encoded[client::clients]:
            begun = time.perf_counter()
            connection.post(path, body)
            times[client].append((time.perf_counter() - begun) * 1000)
        connection.close()

    threads = [threading.Thread(target=send, args=(client,)) for client in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    found = [time_ms for of_client in times for time_ms in of_client]
    if len(found) != len(encoded):
        raise RuntimeError("a client stopped half-way")
    return Timed(found, seconds)


def summary(timed: Timed) -> dict[str, float]:
    """Percentiles in milliseconds, and requests a second."""
    cuts = statistics.quantiles(timed.times_ms, n=100, method="inclusive")
    return {
        "p50_ms": round(cuts[49], 2),
        "p95_ms": round(cuts[94], 2),
        "p99_ms": round(cuts[98], 2),
        "max_ms": round(max(timed.times_ms), 1),
        "per_second": round(len(timed.times_ms) / timed.seconds, 1),
    }
