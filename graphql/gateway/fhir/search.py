"""Search for patients (PDQm) and read one. Source: IHE PDQm ITI-78, FHIR R4 3.1.1.

Demographics are taken in the body only (``POST Patient/_search``): URLs end up in logs on the way. A demographic search
finds people through the same keys as matching, so it needs more than a name: with a birth date, postal code or phone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from anyascii import anyascii

from adapters.fhir.patient_resource import person_resource
from federation.ports import UnitOfWork
from federation.usecases.see_person import numbers_seen
from gateway.fhir.bundles import searchset, warning
from gateway.fhir.door import FhirCall
from gateway.fhir.outcomes import UNPROCESSABLE, FhirAnswer, FhirProblem
from mpi.errors import InvalidDemographics, UnknownIdentifier
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier
from mpi.identity.records import SourceRecord
from mpi.usecases.resolve_identity import ResolvedIdentity
from mpi.usecases.search_people import search_people

IN_URL = frozenset({"identifier", "_id", "_count", "_format", "_pretty", "active"})
IN_BODY = IN_URL | {"family", "given", "birthdate", "gender", "address-postalcode", "address-city", "phone", "telecom"}
_IGNORED = frozenset({"_format", "_pretty"})
_SEXES = {
    "male": AdministrativeSex.MALE,
    "female": AdministrativeSex.FEMALE,
    "other": AdministrativeSex.OTHER,
}
_MOST = 100


def search(call: FhirCall) -> FhirAnswer:
    """Persons with one of the identifiers, or by demographics; one Patient a person."""
    asked = _asked(call)
    with call.context.resources.read() as uow:
        if "identifier" in asked or "_id" in asked:
            found, truncated = _by_identifier(asked, call, uow), False
        else:
            found, truncated = _by_demographics(asked, call, uow)
    matching = [identity for identity in found if any(_fits(record, asked) for record in identity.records)]
    shown = matching[: _count(asked)]
    entries = [{"resource": _patient(i, call), "search": {"mode": "match"}} for i in shown]
    if truncated:
        call.context.metrics.count_truncated(call.operation)
    text = "too many records are alike at first sight: only the nearest were looked at"
    body = searchset(entries, total=len(matching), warnings=[warning("truncated", text)] if truncated else [])
    return FhirAnswer(body, subjects=tuple(i.enterprise_id for i in shown), detail=f"matches={len(matching)}")


def read(call: FhirCall) -> FhirAnswer:
    """One person by enterprise id."""
    with call.context.resources.read() as uow:
        identity = call.see(EnterpriseId(call.resource_id), uow).identity
    return FhirAnswer(_patient(identity, call), subjects=(identity.enterprise_id,))


def _patient(identity: ResolvedIdentity, call: FhirCall) -> dict[str, Any]:
    retired = tuple(old for old, _ in identity.retired_identifiers)
    return person_resource(identity.enterprise_id, identity.records, call.systems, retired=retired)


def _asked(call: FhirCall) -> dict[str, list[str]]:
    """Parameters by name without modifier; each must hold, a comma means *or*."""
    for name, _ in call.in_url:
        if name.partition(":")[0] in IN_BODY - IN_URL:
            text = "demographics are taken in the body only: POST Patient/_search"
            raise FhirProblem(400, "not-supported", "demographics_in_url", text)
    asked: dict[str, list[str]] = {}
    for name, value in (*call.in_url, *call.in_form):
        plain, _, modifier = name.partition(":")
        if plain not in IN_BODY or modifier not in ("", "exact"):
            raise FhirProblem(400, "not-supported", "parameter_not_supported", "a search parameter is not supported")
        if value.strip() and plain not in _IGNORED:
            asked.setdefault(plain, []).append(value.strip())
    return asked


def _count(asked: Mapping[str, list[str]]) -> int:
    sent = asked.get("_count", [str(_MOST)])[0]
    if not (sent.isascii() and sent.isdigit()):
        raise FhirProblem(400, "value", "count_not_a_number", "_count is not a number", path="_count")
    return min(int(sent[:6]), _MOST)


def _by_identifier(asked: Mapping[str, list[str]], call: FhirCall, uow: UnitOfWork) -> list[ResolvedIdentity]:
    persons: dict[EnterpriseId, None] = {}
    for token in (part for value in asked.get("identifier", []) for part in value.split(",")):
        with suppress(UnknownIdentifier):
            persons[call.see(_token(token, call), uow).identity.enterprise_id] = None
    for value in (part for text in asked.get("_id", []) for part in text.split(",")):
        if uow.records.of_person(EnterpriseId(value)):
            persons[EnterpriseId(value)] = None
    return call.seen(persons, uow)


def _token(text: str, call: FhirCall) -> PatientIdentifier:
    return call.systems.token(text, "identifier")


def _by_demographics(
    asked: Mapping[str, list[str]], call: FhirCall, uow: UnitOfWork
) -> tuple[list[ResolvedIdentity], bool]:
    description, resources = _description(asked), call.context.resources
    viewer = call.context.viewer(call.operation)
    seen = numbers_seen(viewer, resources.views_of(viewer, uow=uow))
    found = search_people(description, uow=uow, matcher=resources.matcher, clock=resources.clock, seen=seen)
    if found is None:
        text = "give a name with a birth date, postal code or phone, or an identifier"
        raise FhirProblem(UNPROCESSABLE, "too-costly", "search_too_wide", text)
    return call.seen(found.enterprise_ids, uow), found.truncated


def _description(asked: Mapping[str, list[str]]) -> Demographics:
    phones = [*asked.get("phone", []), *asked.get("telecom", [])]
    return Demographics(
        name=PersonName(_first(asked, "family"), _first(asked, "given")),
        birth_date=_birth_date(_first(asked, "birthdate")),
        sex=_SEXES.get(_first(asked, "gender")),
        address=PostalAddress("", _first(asked, "address-city"), _first(asked, "address-postalcode")),
        phones=tuple(phones),
    )


def _first(asked: Mapping[str, list[str]], name: str) -> str:
    return asked.get(name, [""])[0]


def _birth_date(text: str) -> PartialDate | None:
    if not text:
        return None
    try:
        return PartialDate.parse(text.removeprefix("eq"))
    except InvalidDemographics as error:
        where = "birthdate"
        raise FhirProblem(400, "value", "birthdate_not_a_date", str(error), path=where) from error


def _fits(record: SourceRecord, asked: Mapping[str, list[str]]) -> bool:
    """Whether one record has all that was asked: names by their beginning, dates as far as asked."""
    said = record.demographics
    names = (said.name, *said.aliases)
    born = said.birth_date.isoformat() if said.birth_date else ""
    postal, city = said.address.postal_code, said.address.city
    digits = ["".join(c for c in phone if c.isdigit())[-10:] for phone in said.phones]
    return (
        all(any(_begins(n.family, value) for n in names) for value in asked.get("family", []))
        and all(any(_begins(f"{n.given} {n.middle}", value) for n in names) for value in asked.get("given", []))
        and all(born.startswith(value.removeprefix("eq")) for value in asked.get("birthdate", []))
        and all(said.sex is _SEXES.get(value) for value in asked.get("gender", []))
        and all(postal.startswith(value) for value in asked.get("address-postalcode", []))
        and all(_begins(city, value) for value in asked.get("address-city", []))
        and all(_digits(v) in digits for name in ("phone", "telecom") for v in asked.get(name, []))
    )


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())[-10:]


def _begins(sent: str, asked: str) -> bool:
    """Any word of the name, or the whole, begins with what was asked; case and accents do not count."""
    name, wanted = _folded(sent), _folded(asked)
    return bool(wanted) and (name.startswith(wanted) or any(w.startswith(wanted) for w in _words(name)))


def _words(name: str) -> Iterable[str]:
    return name.replace("-", " ").split()


def _folded(text: str) -> str:
    return anyascii(unicodedata.normalize("NFKC", text)).casefold().strip()
