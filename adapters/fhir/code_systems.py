"""Standard code systems by the names that HL7 v2 messages use, so that one code map serves every door."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STANDARD_SYSTEMS: Mapping[str, str] = MappingProxyType(
    {
        "http://www.ama-assn.org/go/cpt": "C4",
        "http://loinc.org": "LN",
        "http://snomed.info/sct": "SCT",
        "http://radlex.org": "RADLEX",
        "urn:oid:2.16.840.1.113883.6.12": "C4",
        "urn:oid:2.16.840.1.113883.6.1": "LN",
    }
)

_URLS = {name: url for url, name in STANDARD_SYSTEMS.items() if not url.startswith("urn:")}


def system_url(name: str) -> str:
    """The system as FHIR writes it; one that has no short name stands for itself."""
    return _URLS.get(name, name)
