"""Words of the control room: a part of ``gateway.web.wording``."""

from __future__ import annotations

from collections.abc import Mapping

CONTROL_WORDS: Mapping[str, Mapping[str, str]] = {
    "protocol": {
        "dicomweb": "DICOMweb",
        "dimse": "DICOM C-FIND",
        "fhir": "FHIR",
        "folder": "folder of files",
        "edge": "edge agent",
        "none": "not asked: sends identities only",
    },
    "circuit": {
        "CLOSED": "is asked",
        "OPEN": "left alone for a moment",
        "HALF_OPEN": "one question finds out",
    },
    "site_reason": {
        "connection_refused": "refuses connections",
        "connect_timeout": "cannot be reached",
        "connection_lost": "connection lost",
        "association_lost": "connection lost",
        "deadline": "no answer in time",
        "circuit_open": "left alone: it failed too often",
        "unreadable_answer": "its answer cannot be read",
        "host_not_found": "its address is not known",
        "internal_error": "an error of the hub",
    },
    "task": {
        "person_changed": "judge again after a person changed",
        "order_received": "check an order that came as a message",
        "order_check_incomplete": "check an order again when late hospitals answer",
        "priors_changed": "judge again after examinations changed",
        "refresh_priors": "ask hospitals again for a person",
        "alert_raised": "deliver an alert",
    },
    "outcome": {"SUCCESS": "done", "REFUSED": "refused", "FAILED": "failed"},
}
