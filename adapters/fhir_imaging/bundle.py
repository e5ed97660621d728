"""One page of a search: the resources in it, what the server remarks, and where the next page is.

Source: FHIR R4 3.1.1 (searchset bundles: modes match, include, outcome; paging by links).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from adapters.fhir_imaging import elements
from adapters.fhir_imaging.elements import Resource
from federation.errors import SourceProtocolError

_OUTCOME = "OperationOutcome"
_SEVERE = frozenset({"error", "fatal"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, repr=False)
class Bundle:
    """What one page holds. ``match_count`` counts every match, also those of a type nobody asked for.

    ``total`` is the number of matches of the whole search, where the server says. ``next_link`` is as sent.
    """

    resources: Mapping[str, tuple[Resource, ...]] = field(default_factory=dict)
    full_urls: Mapping[int, str] = field(default_factory=dict)
    match_count: int = 0
    bad_entry_count: int = 0
    total: int | None = None
    next_link: str | None = None
    outcome_severities: frozenset[str] = frozenset()

    def of_type(self, resource_type: str) -> tuple[Resource, ...]:
        return self.resources.get(resource_type, ())

    def full_url(self, resource: Resource) -> str | None:
        return self.full_urls.get(id(resource))


def read_json(body: bytes) -> dict[str, Any]:
    """One FHIR resource.

    Raises:
        SourceProtocolError: the body is no FHIR JSON, or is an OperationOutcome.
    """
    try:
        document = json.loads(body.decode("utf-8-sig"), parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise SourceProtocolError("not_fhir_json") from error
    if not isinstance(document, dict) or not isinstance(document.get("resourceType"), str):
        raise SourceProtocolError("not_fhir_json")
    if document["resourceType"] == _OUTCOME:
        raise SourceProtocolError("operation_outcome", "the server answers with a problem instead of a result")
    return document


def read_bundle(body: bytes, resource_type: str) -> Bundle:
    """A page of a search for one type, judged by its content alone. No body at all is an empty page.

    Raises:
        SourceProtocolError: the body is no search result, or an error without any match.
    """
    if not body.strip(b"\0 \t\r\n"):
        return Bundle()
    document = read_json(body)
    if document["resourceType"] == resource_type:
        document = {"resourceType": "Bundle", "entry": [{"resource": document}]}
    if document["resourceType"] != "Bundle":
        raise SourceProtocolError("not_a_bundle")
    bundle = _read_entries(document)
    if bundle.match_count == 0 and bundle.outcome_severities & _SEVERE:
        raise SourceProtocolError("operation_outcome", "the server answers with a problem instead of a result")
    return bundle


def _read_entries(document: Resource) -> Bundle:
    entries = document.get("entry")
    listed = entries if isinstance(entries, list) else [] if entries is None else [entries]
    resources: dict[str, list[Resource]] = {}
    full_urls: dict[int, str] = {}
    match_count = bad_entry_count = 0
    for entry in listed:
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if not isinstance(resource, Mapping) or not isinstance(resource.get("resourceType"), str):
            bad_entry_count += 1
            match_count += 1
            continue
        mode = elements.text(elements.part(entry, "search"), "mode") or "match"
        match_count += mode == "match" and resource["resourceType"] != _OUTCOME
        resources.setdefault(resource["resourceType"], []).append(resource)
        full_url = elements.text(entry, "fullUrl")
        if full_url is not None:
            full_urls[id(resource)] = full_url
    outcomes = resources.pop(_OUTCOME, [])
    return Bundle(
        resources={name: tuple(found) for name, found in resources.items()},
        full_urls=full_urls,
        match_count=match_count,
        bad_entry_count=bad_entry_count,
        total=_total(document),
        next_link=_next_link(document),
        outcome_severities=frozenset(
            elements.text(issue, "severity") or "" for outcome in outcomes for issue in elements.parts(outcome, "issue")
        )
        | ({""} if outcomes else frozenset()),
    )


def _total(document: Resource) -> int | None:
    text = elements.text(document, "total")
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _next_link(document: Resource) -> str | None:
    for link in elements.parts(document, "link"):
        if elements.text(link, "relation") == "next":
            return elements.text(link, "url") or ""
    return None


def same_origin_url(link: str, base_url: str) -> str | None:
    """The address of a page link, relative to the base; ``None`` when it is of another origin or unreadable."""
    if not link:
        return None
    try:
        url = urljoin(base_url.rstrip("/") + "/", link)
        if _origin(url) != _origin(base_url) or "@" in urlsplit(url).netloc:
            return None
    except ValueError:
        return None
    return url


def _origin(url: str) -> tuple[str, str, int | None]:
    found = urlsplit(url)
    scheme = found.scheme.lower()
    return scheme, (found.hostname or "").lower(), found.port or _DEFAULT_PORTS.get(scheme)
