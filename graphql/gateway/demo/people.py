"""The people of the demo at their keyboards: each holds a token and speaks the published operations."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpx2

from gateway.operations_files import operation
from mpi.identity.identifiers import PatientIdentifier

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer and how long it took."""

    status: int
    body: Answer
    elapsed_ms: float

    def field(self, name: str) -> Answer:
        """The answer of one operation; empty when there is none."""
        data = self.body.get("data") or {}
        return data.get(name) or {}


@dataclass(slots=True)
class Person:
    """Somebody who calls the hub. ``token`` is ``None`` for somebody without one."""

    url: str
    token: str | None
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=30, trust_env=False))

    def ask(self, name: str, variables: Answer) -> Reply:
        """Run one published operation."""
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        started = time.perf_counter()
        response = self.client.post(
            f"{self.url}/graphql", json={"query": operation(name), "variables": variables}, headers=headers
        )
        elapsed_ms = (time.perf_counter() - started) * 1000
        return Reply(response.status_code, response.json(), elapsed_ms)

    def check_order(self, order: Answer, *, deadline_ms: int | None = None) -> Reply:
        return self.ask("CheckOrder", {"order": order, "deadlineMs": deadline_ms})


def patient_ref(identifier: PatientIdentifier) -> Answer:
    """A patient as the API takes one."""
    return {
        "assigningAuthority": identifier.assigning_authority,
        "localPatientId": identifier.local_patient_id,
    }


def order_for(identifier: PatientIdentifier, site: str, description: str, modality: str) -> Answer:
    """An order as the API takes one."""
    return {
        "patient": patient_ref(identifier),
        "orderingSite": site,
        "description": description,
        "modality": modality,
    }
