"""What FHIR callers are told: OperationOutcomes with stable codes and paths, never a value of a person.

Source: FHIR R4 2.29 (OperationOutcome), value set issue-type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.fhir.resource_fields import ResourceRefused
from gateway.errors import GatewayError
from mpi.errors import InvalidDemographics, InvalidIdentifier, MergeRefused, MpiError, UnknownIdentifier

CODES = "urn:priorlink:outcome"
"""System of our own stable codes in ``issue.details.coding``."""
UNPROCESSABLE = 422
_STRUCTURAL = frozenset({"structure", "invalid"})


class FhirProblem(GatewayError):
    """A request that is not carried out. ``issue`` is a FHIR issue type, ``code`` ours, ``path`` a FHIRPath."""

    def __init__(self, status: int, issue: str, code: str, text: str, *, path: str = "") -> None:
        super().__init__(text)
        self.status, self.issue, self.code, self.text, self.path = status, issue, code, text, path


@dataclass(frozen=True, slots=True)
class FhirAnswer:
    """What a handler answers. ``subjects`` are the persons it shows; ``is_audited``: entries were written already."""

    resource: Mapping[str, Any] | None
    status: int = 200
    subjects: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    is_audited: bool = False


def issue(severity: str, kind: str, code: str, text: str, *, path: str = "") -> dict[str, Any]:
    """One issue of an outcome."""
    written: dict[str, Any] = {
        "severity": severity,
        "code": kind,
        "details": {"coding": [{"system": CODES, "code": code}], "text": text},
    }
    return {**written, "expression": [path]} if path else written


def outcome(*issues: Mapping[str, Any], correlation_id: str = "") -> dict[str, Any]:
    """An OperationOutcome; the correlation id is what to ask us with."""
    shown = [{**one, "diagnostics": f"correlation id {correlation_id}"} if correlation_id else one for one in issues]
    return {"resourceType": "OperationOutcome", "issue": shown}


def outcome_of(problem: FhirProblem, correlation_id: str) -> dict[str, Any]:
    """The outcome of a refusal."""
    return outcome(
        issue("error", problem.issue, problem.code, problem.text, path=problem.path), correlation_id=correlation_id
    )


def problem_of(error: ResourceRefused | MpiError) -> FhirProblem:
    """How an expected error of reading or of a use case is told."""
    match error:
        case ResourceRefused():
            status = 400 if error.code in _STRUCTURAL else UNPROCESSABLE
            code = f"resource_{error.code.replace('-', '_')}"
            return FhirProblem(status, error.code, code, error.text, path=error.path)
        case UnknownIdentifier():
            return FhirProblem(404, "not-found", "patient_not_found", "no active record is behind this identifier")
        case InvalidIdentifier():
            return FhirProblem(
                UNPROCESSABLE,
                "required",
                "identifier_missing",
                "no identifier with system and value",
                path="identifier",
            )
        case InvalidDemographics():
            return FhirProblem(UNPROCESSABLE, "required", "name_missing", str(error), path="name")
        case MergeRefused():
            return FhirProblem(UNPROCESSABLE, "business-rule", f"merge_{error.code}", str(error), path="link")
        case _:
            return FhirProblem(UNPROCESSABLE, "processing", "not_possible", "the request cannot be carried out")
