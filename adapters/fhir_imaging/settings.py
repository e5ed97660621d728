"""How a site's FHIR server is reached. Secrets never show in a representation."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from federation.sites.issuers import IssuerNames


class PatientSearch(Enum):
    """How a patient number is turned into studies.

    TWO_STEP: ``Patient?identifier=`` and then ``ImagingStudy?patient=``; every server can do it.
    CHAINED: ``ImagingStudy?patient.identifier=``; one request, but servers that cannot chain say *nothing found*.
    """

    TWO_STEP = "two_step"
    CHAINED = "chained"


@dataclass(frozen=True, slots=True)
class FhirSettings:
    """A FHIR server, STU3, R4 or R5.

    Attributes:
        base_url: the service root; ``/ImagingStudy`` is appended.
        patient_search: how a patient number is turned into studies.
        patient_parameter: ``patient``, or ``subject`` where a server knows only that.
        identifier_systems: the systems (URIs) under which the server keeps the site's own patient numbers; none: the
            registered OID of the site's authority as ``urn:oid:``, else numbers are asked for without a system.
        includes_endpoints: whether a search asks for where the images are; a server that refuses is asked without by
            itself.
        test_patient_id: a test patient's number at this server, for probes; ``None``: they learn less.
        page_size: resources asked for at once.
        max_pages: pages read before the list is called cut.
        max_answer_bytes: size of one page above which the answer is refused.
        connect_timeout_seconds: how long a connection may take, inside the budget of the query.
        bearer_token: sent as ``Authorization: Bearer`` to the origin of ``base_url`` and to nobody else.
        token_file: file that holds the token, read again when the server says 401; wins over ``bearer_token``.
        ca_file: PEM file of the authority that signed the server's certificate; ``None``: the system's.
        client_certificate_file, client_key_file: PEM files shown to a server that asks for a certificate.
    """

    base_url: str
    patient_search: PatientSearch = PatientSearch.TWO_STEP
    patient_parameter: str = "patient"
    identifier_systems: tuple[str, ...] = ()
    includes_endpoints: bool = True
    test_patient_id: str | None = field(default=None, repr=False)
    page_size: int = 200
    max_pages: int = 50
    max_answer_bytes: int = 32 * 1024 * 1024
    connect_timeout_seconds: float = 1.5
    bearer_token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None
    issuers: IssuerNames = field(default_factory=IssuerNames)
