"""Plays a recorded answer of a FHIR server on a real socket; other hosts in it are listeners of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from adapters.fhir_imaging.settings import FhirSettings
from adapters.fhir_imaging.source import FhirSource
from federation.sites.issuers import IssuerNames
from federation.sites.site import Site
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry, PatientIdentifier
from tests.servers.scripted_qido import Asked, Reply, ScriptedQido, scripted_qido

_HOST = re.compile(r"https?://([a-z0-9.-]+\.(?:example|invalid))(?::\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PlayedFhir:
    """A running server that answers as recorded, and who must be asked for."""

    source: FhirSource
    identifier: PatientIdentifier
    server: ScriptedQido
    others: Mapping[str, ScriptedQido]

    @property
    def requested_hosts(self) -> set[str]:
        """Hosts other than the site's that were asked."""
        return {host for host, server in self.others.items() if server.asked}


@contextmanager
def played_fhir(case: Mapping[str, Any], site: Site, authorities: AuthorityRegistry) -> Iterator[PlayedFhir]:
    """Serve the case until the block ends."""
    oids = case.get("config", {}).get("authorities", {})
    known = [a for a in authorities.by_name.values() if a.name not in oids]
    registry = AuthorityRegistry.of(*known, *(AssigningAuthority(name, oid) for name, oid in oids.items()))
    identifier = _asked_identifier(case, site, registry)
    pages: dict[str, Mapping[str, Any]] = {}
    patient = _patient(case, identifier, registry)
    with ExitStack() as stack:
        server = stack.enter_context(scripted_qido(lambda asked: _answer(asked, pages, patient)))
        hosts = {match[1].lower() for match in _HOST.finditer(json.dumps(case))}
        own = _HOST.match(case["base"])
        assert own is not None
        others = {host: stack.enter_context(scripted_qido(_gone)) for host in hosts - {own[1].lower()}}
        pages.update(json.loads(_to_loopback(json.dumps(case["pages"]), case["base"], server, others)))
        settings = FhirSettings(server.base_url, issuers=IssuerNames(registry))
        if "page_size" in case["query"]:
            settings = replace(settings, page_size=case["query"]["page_size"])
        yield PlayedFhir(FhirSource(site, settings), identifier, server, others)


def _to_loopback(text: str, base: str, server: ScriptedQido, others: Mapping[str, ScriptedQido]) -> str:
    text = text.replace(base, server.base_url)

    def loopback(match: re.Match[str]) -> str:
        other = others.get(match[1].lower())
        return match[0] if other is None else other.base_url.removesuffix("/rs")

    return _HOST.sub(loopback, text)


def _answer(asked: Asked, pages: Mapping[str, Mapping[str, Any]], patient: Mapping[str, Any]) -> Reply:
    if asked.path == "/rs/Patient":
        return _json(200, {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": patient}]})
    page = _page(asked, pages)
    if page is None:
        return Reply(404)
    body = page.get("body", "")
    if isinstance(body, str):
        return Reply(page.get("status", 200), page.get("headers", {}), body.encode())
    return _json(page.get("status", 200), body)


def _page(asked: Asked, pages: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The page of a URL, which may be written whole or from the base or the root; the first page is the search."""
    if asked.path == "/rs/ImagingStudy" and "_count" in asked.query:
        return pages[""]
    return next((page for url, page in pages.items() if url and _is_asked(url, asked)), None)


def _is_asked(url: str, asked: Asked) -> bool:
    wanted = re.sub(r"^https?://[^/?]*", "", url).removeprefix("/rs").strip("/")
    return wanted == asked.target.removeprefix("/rs").strip("/")


def _json(status: int, document: object) -> Reply:
    return Reply(status, {"Content-Type": "application/fhir+json"}, json.dumps(document).encode())


def _gone(_: Asked) -> Reply:
    return Reply(404)


def _asked_identifier(case: Mapping[str, Any], site: Site, registry: AuthorityRegistry) -> PatientIdentifier:
    """The number in the query, else the one the first study names, else the resource id of the patient."""
    query = case["query"]
    authority = query.get("authority", site.assigning_authority)
    if "patient_id" in query:
        return PatientIdentifier(authority, query["patient_id"])
    body = case["pages"][""].get("body")
    for entry in body.get("entry", ()) if isinstance(body, dict) else ():
        named = entry.get("resource", {}).get("subject", {}).get("identifier")
        if named:
            oid = named["system"].removeprefix("urn:oid:")
            return PatientIdentifier(registry.canonical_name("", oid), named["value"])
    return PatientIdentifier(authority, query["patient"].rpartition("/")[2])


def _patient(case: Mapping[str, Any], identifier: PatientIdentifier, registry: AuthorityRegistry) -> Mapping[str, Any]:
    oid = registry.by_name[identifier.assigning_authority].oid
    system = {} if oid is None else {"system": f"urn:oid:{oid}"}
    reference = case["query"].get("patient", "Patient/p1")
    return {
        "resourceType": "Patient",
        "id": reference.rpartition("/")[2],
        "identifier": [{**system, "value": identifier.local_patient_id}],
    }
