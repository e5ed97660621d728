"""Words of the imaging history: a part of ``gateway.web.wording``."""

from __future__ import annotations

from collections.abc import Mapping

HISTORY_WORDS: Mapping[str, Mapping[str, str]] = {
    "problem": {
        "number_needed": "Give the hospital and the patient's number there.",
        "PATIENT_NOT_FOUND": "No hospital that takes part knows this number. Check the hospital and every digit.",
        "patient_not_found": "No hospital that takes part knows this number. Check the hospital and every digit.",
        "description_needed": "Say which examination is meant.",
        "reason_needed": "Choose a reason.",
        "": "The hub could not take this. Nothing was changed.",
    },
    "coverage": {
        "ANSWERED": "answered",
        "PARTIAL": "answered in part: its list may be cut",
        "INDEXED": "did not answer now; what it last said is shown",
        "TIMED_OUT": "did not answer in time",
        "FAILED": "could not be asked",
        "SKIPPED": "was not asked",
        "WITHHELD": "withheld",
    },
    "tier": {
        "INTERRUPTIVE": "This exam was just done",
        "WARNING": "This may repeat an earlier exam",
        "INFO": "An earlier exam may help",
        "NONE": "No earlier exam that this order repeats",
    },
    "report": {
        "FINAL": "Final report",
        "PRELIMINARY": "Preliminary report",
        "NONE": "No report yet",
        "UNKNOWN": "Report not known",
    },
    "flag": {
        "LIFE_THREATENING": "Life-threatening",
        "ED_CONTEXT": "Emergency department",
        "ACUTE_CHANGE": "Acute change",
        "NEW_INJURY_SINCE_PRIOR": "New injury since",
        "INTERVENTION_SINCE_PRIOR": "Operation or intervention since",
        "FOLLOW_UP_RECOMMENDED": "Follow-up was recommended",
        "SERIAL_MONITORING": "Serial monitoring",
        "ONCOLOGY_RESTAGING": "Oncology restaging",
        "IMAGE_GUIDANCE": "Guidance of an intervention",
        "DEVICE_CHECK": "Check of a tube or device",
        "RT_PLANNING": "Radiotherapy planning",
        "RESEARCH_PROTOCOL": "Research protocol",
    },
    "override": {
        "CLINICAL_CHANGE": "The patient's condition has changed",
        "DIFFERENT_QUESTION": "A different clinical question",
        "IMAGES_NOT_ACCESSIBLE": "I cannot get at the images",
        "REPORT_NOT_ACCESSIBLE": "I cannot get at the report",
        "PRIOR_QUALITY_INADEQUATE": "The earlier exam is not good enough",
        "FOLLOW_UP_INTERVAL_DUE": "A follow-up is due",
        "SPECIALIST_OR_PROTOCOL_REQUEST": "A specialist or protocol asks for it",
        "URGENT_NO_TIME": "Urgent: no time to look",
    },
    "alert": {
        "ACCEPTED": "The order was given up for the earlier exam",
        "OVERRIDDEN": "The order stands",
        "SUPERSEDED": "A newer alert took its place",
        "EXPIRED": "The alert has expired",
    },
    "side": {"LEFT": "left", "RIGHT": "right", "BILATERAL": "both sides", "NONE": "", "UNKNOWN": "side not stated"},
    "contrast": {"WITH": "with contrast", "WITHOUT": "", "BOTH": "without and with contrast", "UNKNOWN": ""},
    "region": {"UNKNOWN": "region not known", "WHOLE_BODY": "whole body"},
}
