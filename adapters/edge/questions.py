"""What the hub asks an edge agent, as GraphQL requests against ``graphql/edge.graphql``."""

from __future__ import annotations

import json

from mpi.identity.identifiers import PatientIdentifier

PRIOR_STUDIES = """\
query PriorStudies($patient: PatientIdentifierInput!, $deadlineMs: Int!) {
  priorStudies(patient: $patient, deadlineMs: $deadlineMs) {
    complete
    warnings
    droppedCount
    studies {
      studyInstanceUid
      patientIdentifier { ...identifier }
      startedOn
      startedAt
      startedIn
      modalities
      description
      bodyPartExamined
      procedureCode
      procedureCodeSystem
      accessionNumber
      seriesCount
      instanceCount
      imagesAvailable
      status
      reportStatus
      patientName { ...name }
      ideographicName { ...name }
      phoneticName { ...name }
      nameIsEvidence
      birthDate
      sex
      otherIdentifiers { ...identifier }
      warnings
    }
  }
}

fragment identifier on PatientIdentifier { assigningAuthority localPatientId }
fragment name on PersonName { family given middle prefix suffix }
"""

SITE = """\
query Site($deadlineMs: Int!) {
  site {
    id
    protocol
    version
    archive(deadlineMs: $deadlineMs) { reachable reason capabilities { name value } }
  }
}
"""

_SHORTEST_MS = 1
_LONGEST_MS = 30_000
_WAY_BACK_SECONDS = 0.25
"""What the agent is given less than we have: its answer needs to come back. Never more than a tenth."""


def prior_studies(identifier: PatientIdentifier, *, timeout_seconds: float) -> bytes:
    """The request for one identifier's studies."""
    patient = {"assigningAuthority": identifier.assigning_authority, "localPatientId": identifier.local_patient_id}
    return _request(PRIOR_STUDIES, {"patient": patient, "deadlineMs": _deadline_ms(timeout_seconds)})


def site(*, timeout_seconds: float) -> bytes:
    """The request for who the agent is and whether its archive is there."""
    return _request(SITE, {"deadlineMs": _deadline_ms(timeout_seconds)})


def _deadline_ms(timeout_seconds: float) -> int:
    left = timeout_seconds - min(_WAY_BACK_SECONDS, timeout_seconds / 10)
    return min(_LONGEST_MS, max(_SHORTEST_MS, int(left * 1000)))


def _request(query: str, variables: dict[str, object]) -> bytes:
    return json.dumps({"query": query, "variables": variables}, ensure_ascii=False).encode()
