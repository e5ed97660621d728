"""Every HTTP route of the hub and who may knock: one table. A route that is not in it fails ``make check``.

What a caller with a token may do behind a door is ``gateway.permissions``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Knock(Enum):
    """How a door finds out who is there."""

    OPEN = "nobody is asked"
    BEARER = "token of the hub's issuer"
    CDS_CLIENT = "token of a listed CDS client"
    SERVICE_CLIENT = "assertion signed with the key of a listed program"
    EDGE_AGENT = "token of the site's edge agent"
    SITE_SIGNATURE = "signature with the site's own secret"
    SESSION = "session of somebody who signed in"


DOORS: Mapping[str, tuple[Knock, str]] = MappingProxyType(
    {
        "ANY /graphql": (Knock.BEARER, "POST; every root field is an operation of its own"),
        "SOCKET /graphql": (Knock.BEARER, "graphql-transport-ws; every subscription is an operation of its own"),
        "GET /healthz": (Knock.OPEN, "says that the process runs"),
        "GET /readyz": (Knock.OPEN, "says that the store answers"),
        "GET /metrics": (Knock.OPEN, "counts and durations, no person; keep it inside the network"),
        "ANY /static/graphiql": (Knock.OPEN, "files of the editor, where it is enabled"),
        "GET /fhir/metadata": (Knock.OPEN, "what the FHIR doors can do"),
        "POST /fhir/$process-message": (Knock.BEARER, "fhir:processMessage"),
        "POST /fhir/Patient/$match": (Knock.BEARER, "fhir:match"),
        "GET /fhir/Patient/$ihe-pix": (Knock.BEARER, "fhir:ihePix"),
        "POST /fhir/Patient/$ihe-pix": (Knock.BEARER, "fhir:ihePix"),
        "POST /fhir/Patient/_search": (Knock.BEARER, "fhir:searchPatient"),
        "GET /fhir/Patient": (Knock.BEARER, "fhir:searchPatient"),
        "GET /fhir/Patient/{resource_id}": (Knock.BEARER, "fhir:readPatient"),
        "POST /fhir/Patient": (Knock.BEARER, "fhir:feedPatient"),
        "PUT /fhir/Patient": (Knock.BEARER, "fhir:feedPatient"),
        "POST /fhir/ServiceRequest": (Knock.BEARER, "fhir:feedOrder"),
        "PUT /fhir/ServiceRequest": (Knock.BEARER, "fhir:feedOrder"),
        "GET /fhir/DetectedIssue": (Knock.BEARER, "fhir:searchIssues"),
        "POST /fhir/DetectedIssue/_search": (Knock.BEARER, "fhir:searchIssues"),
        "GET /fhir/DetectedIssue/{resource_id}": (Knock.BEARER, "fhir:readIssue"),
        "POST /fhir/Consent": (Knock.BEARER, "fhir:recordConsent"),
        "PUT /fhir/Consent/{resource_id}": (Knock.BEARER, "fhir:recordConsent"),
        "GET /fhir/Consent/{resource_id}": (Knock.BEARER, "fhir:readConsent"),
        "POST /fhir/Consent/_search": (Knock.BEARER, "fhir:searchConsents"),
        "GET /cds-services": (Knock.CDS_CLIENT, "list of the services"),
        "POST /cds-services/{service}": (Knock.CDS_CLIENT, "cards for the client's own site"),
        "POST /cds-services/{service}/feedback": (Knock.CDS_CLIENT, "answers to alerts of the client's own site"),
        "POST /oauth/token": (Knock.SERVICE_CLIENT, "a short token with the roles that the settings list"),
        "POST /edge/poll": (Knock.EDGE_AGENT, "questions to the agent's own site"),
        "POST /edge/answers/{letter_id}": (Knock.EDGE_AGENT, "answers of the agent's own site"),
        "POST /notify/{site}": (Knock.SITE_SIGNATURE, "has the site's archive asked about one of its own patients"),
        "ANY /static/web": (Knock.OPEN, "style and scripts of the pages"),
        "GET /": (Knock.OPEN, "leads to the first page of one's role"),
        "GET /sign-in": (Knock.OPEN, "the ways to sign in"),
        "GET /sign-in/provider": (Knock.OPEN, "leads to the identity provider"),
        "GET /sign-in/callback": (Knock.OPEN, "takes the identity provider's answer, in the browser that set out"),
        "GET /launch": (Knock.OPEN, "leads to the sign-in of a listed EHR"),
        "GET /launch/callback": (Knock.OPEN, "takes that EHR's answer, in the browser that set out"),
        "POST /sign-in": (Knock.OPEN, "takes a token, where pasted tokens are enabled"),
        "POST /sign-out": (Knock.OPEN, "ends the session"),
        "POST /preferences": (Knock.OPEN, "language and theme, kept in a cookie"),
        "GET /history": (Knock.SESSION, "imagingHistory"),
        "POST /history": (Knock.SESSION, "imagingHistory"),
        "POST /history/find": (Knock.SESSION, "searchPersons"),
        "POST /history/rest": (Knock.SESSION, "imagingHistory"),
        "POST /history/check": (Knock.SESSION, "checkOrder"),
        "POST /history/answer": (Knock.SESSION, "overrideAlert"),
        "GET /history/launched/{launch_id}": (Knock.SESSION, "imagingHistory"),
        "GET /sites": (Knock.SESSION, "sites"),
        "POST /sites/check": (Knock.SESSION, "sites"),
        "GET /control": (Knock.SESSION, "alertReport"),
        "GET /access": (Knock.SESSION, "accessReport"),
        "POST /access/patient": (Knock.SESSION, "accessReport"),
        "POST /access/search": (Knock.SESSION, "auditEvents"),
        "GET /quality": (Knock.SESSION, "reviewQuality"),
        "GET /persons": (Knock.SESSION, "mergePersons"),
        "POST /persons/find": (Knock.SESSION, "mergePersons"),
        "POST /persons/show": (Knock.SESSION, "mergePersons"),
        "POST /persons/preview": (Knock.SESSION, "mergePersons"),
        "POST /persons/confirm": (Knock.SESSION, "mergePersons"),
        "GET /persons/held": (Knock.SESSION, "heldRecords"),
        "POST /persons/held": (Knock.SESSION, "heldRecords"),
        "POST /persons/held/release": (Knock.SESSION, "releaseHeldRecord"),
        "GET /queue": (Knock.SESSION, "reviewQueue"),
        "POST /queue/next": (Knock.SESSION, "claimReviewItem"),
        "GET /queue/{item_id}": (Knock.SESSION, "reviewItem"),
        "POST /queue/{item_id}/release": (Knock.SESSION, "releaseReviewItem"),
        "POST /queue/{item_id}/take-back": (Knock.SESSION, "takeBackEscalation"),
        "POST /queue/{item_id}/decide": (Knock.SESSION, "decideReviewItem"),
        "POST /queue/undo": (Knock.SESSION, "undoDecision"),
        "POST /queue/several": (Knock.SESSION, "decideReviewItem"),
        "POST /queue/several/undo": (Knock.SESSION, "undoDecision"),
    }
)
"""Method and path to how the door knows its callers, and the operation behind it. A page (``SESSION``) is opened by
the roles of the operation it lives on; whatever else it asks is decided operation by operation."""


def page_operation(path: str) -> str | None:
    """The operation behind a page that can be gone to; ``None`` when there is no such page behind a sign-in."""
    for door, (knock, operation) in DOORS.items():
        pattern = "[^/]+".join(re.escape(part) for part in re.split(r"\{\w+\}", door))
        if knock is Knock.SESSION and re.fullmatch(pattern, f"GET {path}"):
            return operation
    return None
