"""``Patient/$ihe-pix``: under which numbers is this patient known elsewhere? Source: IHE PIXm ITI-83."""

from __future__ import annotations

from typing import Any

from adapters.fhir.identifier_systems import identifier_json
from adapters.fhir.resource_fields import Element, resource
from gateway.fhir.door import FhirCall
from gateway.fhir.outcomes import FhirAnswer, FhirProblem


def ihe_pix(call: FhirCall) -> FhirAnswer:
    """All current numbers of the person besides the one asked with, and our own id of the person."""
    source, targets = _asked(call)
    identifier = call.systems.token(source, "sourceIdentifier")
    if not call.systems.knows(source.partition("|")[0].strip()):
        text = "sourceIdentifier Assigning Authority not found"
        raise FhirProblem(400, "code-invalid", "source_system_unknown", text, path="sourceIdentifier")
    if not all(call.systems.knows(target) for target in targets):
        raise FhirProblem(403, "code-invalid", "target_system_unknown", "targetSystem not found", path="targetSystem")
    wanted = {call.systems.authority(target) for target in targets}
    with call.context.resources.read() as uow:
        identity = call.see(identifier, uow).identity
    found: list[dict[str, Any]] = [
        {"name": "targetIdentifier", "valueIdentifier": identifier_json(r.identifier, call.systems, use="official")}
        for r in identity.records
        if r.identifier != identifier and (not wanted or r.identifier.assigning_authority in wanted)
    ]
    reference = {"reference": f"Patient/{identity.enterprise_id}"}
    body = {"resourceType": "Parameters", "parameter": [*found, {"name": "targetId", "valueReference": reference}]}
    return FhirAnswer(body, subjects=(identity.enterprise_id,), detail=f"identifiers={len(found)}")


def _asked(call: FhirCall) -> tuple[str, list[str]]:
    """(sourceIdentifier, targetSystems) from the URL, a form, or Parameters in the body."""
    pairs = [*call.in_url, *call.in_form]
    if call.body is not None:
        pairs += [_pair(p) for p in resource(call.body, "Parameters").elements("parameter")]
    sources = [value for name, value in pairs if name == "sourceIdentifier" and value]
    if len(sources) != 1:
        text = "exactly one sourceIdentifier is needed"
        raise FhirProblem(400, "required", "source_identifier_missing", text, path="sourceIdentifier")
    return sources[0], [value for name, value in pairs if name == "targetSystem" and value]


def _pair(parameter: Element) -> tuple[str, str]:
    identifier = parameter.element("valueIdentifier")
    if identifier is not None:
        return parameter.text("name"), f"{identifier.text('system')}|{identifier.text('value')}"
    return parameter.text("name"), parameter.text("valueString") or parameter.text("valueUri")
