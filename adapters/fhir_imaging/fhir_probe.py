"""What a FHIR server supports: what it declares, and what comes of asking.

Asked for are a number that nobody has and, where the site named one, its test patient; nobody's data leave this
module. Source: FHIR R4 CapabilityStatement, 3.1.1 (search).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adapters.fhir_imaging import elements
from adapters.fhir_imaging.bundle import Bundle
from adapters.fhir_imaging.fhir_client import Parameters
from adapters.fhir_imaging.patients import KnownPatients, Question
from adapters.fhir_imaging.settings import FhirSettings
from federation.errors import SourceError, SourceProtocolError

NOBODY = "PRIORLINK-PROBE-0"
_LONGEST = 60
_RELEASES = {"3.": "STU3", "4.0": "R4", "4.1": "R4B", "4.3": "R4B", "5.": "R5"}
_USED_PARAMETERS = ("patient", "subject", "identifier", "started", "modality", "endpoint")
_ENDPOINTS = ("_include", "ImagingStudy:endpoint")

Ask = Callable[[str, Parameters], Awaitable[Bundle]]
"""Puts one search for a resource type and gives its first page."""


def declared(statement: elements.Resource) -> tuple[tuple[str, str], ...]:
    """What the capability statement says; what it leaves out is not there.

    Raises:
        SourceProtocolError: it is no such statement.
    """
    if statement.get("resourceType") not in {"CapabilityStatement", "Conformance"}:
        raise SourceProtocolError("no_capability_statement")
    resources = {
        elements.text(resource, "type"): resource
        for rest in elements.parts(statement, "rest")
        for resource in elements.parts(rest, "resource")
    }
    version = elements.text(statement, "fhirVersion") or ""
    release = next((name for start, name in _RELEASES.items() if version.startswith(start)), None)
    studies = resources.get("ImagingStudy", {})
    known = {elements.text(parameter, "name") for parameter in elements.parts(studies, "searchParam")}
    includes = studies.get("searchInclude")
    found = (
        ("fhir_version", version),
        ("fhir_release", release),
        ("server", elements.text(elements.part(statement, "software"), "name")),
        ("imaging_study", ("yes" if studies else "no") if resources else None),
        ("search_parameters", " ".join(name for name in _USED_PARAMETERS if name in known)),
        ("include_declared", ("yes" if _ENDPOINTS[1] in includes else "no") if isinstance(includes, list) else None),
    )
    return tuple((name, text[:_LONGEST]) for name, text in found if text)


async def probed(ask: Ask, settings: FhirSettings, nobody: Question, test_patient: Question | None) -> dict[str, str]:
    """Capability to outcome. A server that goes away meanwhile was there all the same: what is known so far.

    ``nobody`` is the question for a number that nobody has, ``test_patient`` for the site's test patient.
    """
    found: dict[str, str] = {}
    parameter = settings.patient_parameter
    by_nobody = (parameter, f"Patient/{NOBODY}")
    try:
        found["identifier_search"] = await _filter(ask, "Patient", ("identifier", nobody.search_value))
        found["patient_search"] = await _filter(ask, "ImagingStudy", by_nobody)
        if found["patient_search"] in ("honoured", "ignored"):
            outcome = await _filter(ask, "ImagingStudy", by_nobody, _ENDPOINTS)
            found["include"] = "taken" if outcome == found["patient_search"] else outcome
        if test_patient is not None:
            found |= await _of_test_patient(ask, parameter, test_patient, settings.base_url)
    except SourceError as error:
        found["probe"] = error.reason
    return found


async def _filter(ask: Ask, resource_type: str, *asked: tuple[str, str]) -> str:
    """``honoured`` when a number that nobody has finds nothing."""
    page = await _page(ask, resource_type, *asked, ("_count", "1"))
    return page if isinstance(page, str) else "ignored" if page.match_count else "honoured"


async def _page(ask: Ask, resource_type: str, *asked: tuple[str, str]) -> Bundle | str:
    """The page, or ``refused``."""
    try:
        return await ask(resource_type, asked)
    except SourceProtocolError:
        return "refused"


async def _of_test_patient(ask: Ask, parameter: str, asked: Question, base_url: str) -> dict[str, str]:
    number = asked.identifier.local_patient_id
    references = await _found(ask, asked, asked.search_value, base_url)
    if not references:
        return {"test_patient": "not_found"}
    found = {"test_patient": "found"}
    if asked.search_value != number:
        bare = await _found(ask, asked, number, base_url)
        found["number_without_system"] = "matches" if bare else "matches_not"
    page = await _page(ask, "ImagingStudy", (parameter, ",".join(references)), ("_count", "1"))
    if isinstance(page, str) or not page.match_count:
        return found
    found["page_size"] = "honoured" if page.match_count == 1 else "ignored"
    found["total"] = "sent" if page.total is not None else "not_sent"
    found["next_link"] = "sent" if page.next_link is not None else "not_sent"
    chain = f"{parameter}.identifier" if parameter == "patient" else f"{parameter}:Patient.identifier"
    chained = await _page(ask, "ImagingStudy", (chain, asked.search_value), ("_count", "1"))
    found["chained_search"] = chained if isinstance(chained, str) else "works" if chained.match_count else "finds_not"
    return found


async def _found(ask: Ask, asked: Question, value: str, base_url: str) -> tuple[str, ...]:
    """References to the patients who have the number."""
    page = await _page(ask, "Patient", ("identifier", value), ("_count", "5"))
    if isinstance(page, str):
        return ()
    known = KnownPatients(asked, base_url)
    for patient in page.of_type("Patient"):
        known.add(patient)
    return tuple(known.references)
