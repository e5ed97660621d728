"""The services, as discovery lists them.

One id stands for all order hooks: that is how the card of order-sign replaces the one of order-select.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HISTORY = "imaging-history"
DUPLICATES = "duplicate-imaging"

HOOKS: Mapping[str, tuple[str, ...]] = {
    HISTORY: ("patient-view",),
    DUPLICATES: ("order-select", "order-sign", "order-dispatch"),
}

_TITLES = {HISTORY: "Imaging elsewhere", DUPLICATES: "Imaging done before"}
_DESCRIPTIONS = {
    HISTORY: "Says in one card which imaging other hospitals have of the patient.",
    DUPLICATES: "Says whether an order for imaging repeats an examination that was done at any hospital.",
}
_VERSION = "1.0.0"


def discovery() -> dict[str, Any]:
    """The answer to ``GET /cds-services``."""
    return {"services": [_service(service, hook) for service, hooks in HOOKS.items() for hook in hooks]}


def _service(service: str, hook: str) -> dict[str, Any]:
    prefetch = {"patient": "Patient/{{context.patientId}}"}
    if hook != "order-dispatch":
        prefetch["encounter"] = "Encounter/{{context.encounterId}}"
    return {
        "hook": hook,
        "id": service,
        "title": _TITLES[service],
        "description": _DESCRIPTIONS[service],
        "prefetch": prefetch,
        "usageRequirements": "The patient's identifiers are needed: prefetch patient, or fhirServer with a token.",
        "version": _VERSION,
    }
