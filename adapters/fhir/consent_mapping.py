"""FHIR R4 Consents and what persons said of sharing, both ways. What cannot be said exactly is refused, with its path.

One Consent is one decision: everything, one site that shares, or one class of studies; deny or permit; from now on,
until it is taken back. Every element that could make it say more, or less, is refused unless it is understood.
Source: FHIR R4 6.2 (Consent).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from adapters.fhir.identifier_systems import IdentifierSystems, identifier_json
from adapters.fhir.resource_fields import Element, ResourceRefused, resource
from adapters.fhir.service_request import SITE_SYSTEM, read_date_time
from federation.sites.consent import ConsentDirective, ConsentEffect, ConsentScope
from mpi.identity.identifiers import PatientIdentifier

CLASS_SYSTEM = "urn:priorlink:study-class"
POLICY_SYSTEM = "urn:priorlink:consent-policy"
ONE_DECISION = "one-decision"
_TERMS = "http://terminology.hl7.org/CodeSystem/"
_SCOPE = (_TERMS + "consentscope", "patient-privacy")
_ACT_CODE = _TERMS + "v3-ActCode"
_CATEGORIES = frozenset(
    {("http://loinc.org", "59284-0"), ("http://loinc.org", "57016-8"), (_ACT_CODE, "INFA"), (_ACT_CODE, "IDSCL")}
)
_CUSTODIAN = (_TERMS + "v3-ParticipationType", "CST")
_WHOLE_RULES = {(_ACT_CODE, "OPTOUT"): ConsentEffect.DENY, (_ACT_CODE, "OPTIN"): ConsentEffect.PERMIT}

_SAYS_NOTHING_OF_ACCESS = frozenset(
    {"resourceType", "id", "meta", "language", "text", "identifier", "performer", "sourceReference"}
)
_READ = frozenset(
    {"status", "scope", "category", "patient", "dateTime", "organization", "policyRule", "provision"}
)  # fmt: skip
_READ_OF_PROVISION = frozenset({"id", "type", "period", "actor", "class", "code"})
_READ_OF_ACTOR = frozenset({"id", "role", "reference"})


@dataclass(frozen=True, slots=True, repr=False)
class ConsentSaid:
    """One decision. ``said_by``: at the latest then it was said; ``None`` when that is not told."""

    patient: PatientIdentifier
    scope: ConsentScope
    target: str
    effect: ConsentEffect
    said_by: dt.datetime | None
    target_path: str


def read_consent(value: object, systems: IdentifierSystems, *, now: dt.datetime) -> ConsentSaid:
    """The decision.

    Raises:
        ResourceRefused: an element is missing, or says what cannot be kept exactly; the error names it.
    """
    consent = resource(value, "Consent")
    _refuse_others(consent, _READ | _SAYS_NOTHING_OF_ACCESS)
    _require_kind(consent)
    patient = _patient(consent, systems)
    provision = consent.element("provision")
    if provision is None:
        raise ResourceRefused("required", "provision", "what is denied or permitted is missing")
    _refuse_others(provision, _READ_OF_PROVISION)
    effect = _effect(provision)
    scope, target, path = _about(consent, provision)
    _check_rule(consent, scope, effect)
    _check_period(provision, now)
    return ConsentSaid(patient, scope, target, effect, _said_by(consent, now), path)


def _refuse_others(element: Element, known: Collection[str]) -> None:
    for name, value in element.fields.items():
        if name.removeprefix("_") not in known and value not in (None, "", [], {}):
            raise ResourceRefused("not-supported", element.at(name), "cannot be kept and could change what is meant")


def _require_kind(consent: Element) -> None:
    status = consent.text("status")
    if not status:
        raise ResourceRefused("required", "status", "is missing")
    if status != "active":
        text = "only active is taken: a decision is taken back by the opposite one"
        raise ResourceRefused("not-supported", "status", text)
    if _SCOPE not in _codings(consent, "scope"):
        kind = "not-supported" if consent.fields.get("scope") else "required"
        raise ResourceRefused(kind, "scope", "is not patient-privacy")
    categories = [set(_codings_of(concept)) for concept in consent.elements("category")]
    if not categories:
        raise ResourceRefused("required", "category", "is missing")
    for number, codings in enumerate(categories):
        if not codings & _CATEGORIES:
            raise ResourceRefused("not-supported", f"category[{number}]", "is not a consent to share information")


def _patient(consent: Element, systems: IdentifierSystems) -> PatientIdentifier:
    patient = consent.element("patient")
    identifier = None if patient is None else patient.element("identifier")
    if identifier is None or not identifier.text("system"):
        raise ResourceRefused("required", "patient.identifier", "the patient's number with its system is missing")
    return systems.identifier(identifier.text("system"), identifier.text("value"), "patient.identifier")


def _effect(provision: Element) -> ConsentEffect:
    said = provision.text("type")
    if not said:
        raise ResourceRefused("required", "provision.type", "deny or permit is missing")
    if said not in {effect.value for effect in ConsentEffect}:
        raise ResourceRefused("code-invalid", "provision.type", "is neither deny nor permit")
    return ConsentEffect(said)


def _about(consent: Element, provision: Element) -> tuple[ConsentScope, str, str]:
    """What it is about, by every way to say it; all must say the same one thing."""
    sites = [*_sites(consent, provision)]
    classes = [*_classes(provision)]
    if sites and classes:
        raise ResourceRefused("not-supported", classes[0][1], "a class at one site only cannot be kept")
    for found, what in ((sites, "site"), (classes, "class")):
        other = next((path for target, path in found if target != found[0][0]), None)
        if other is not None:
            raise ResourceRefused("not-supported", other, f"one Consent is about one {what}: send one for each")
    if sites:
        return ConsentScope.SITE, *sites[0]
    if classes:
        return ConsentScope.STUDY_CLASS, *classes[0]
    return ConsentScope.EVERYTHING, "", "provision"


def _sites(consent: Element, provision: Element) -> Iterator[tuple[str, str]]:
    """The site that shares: an actor that is the custodian of the data, or the organization of the Consent."""
    for actor in provision.elements("actor"):
        _refuse_others(actor, _READ_OF_ACTOR)
        if _CUSTODIAN not in _codings(actor, "role"):
            text = "only the custodian of the data (CST) can be named: who receives it cannot be told apart"
            raise ResourceRefused("not-supported", actor.at("role"), text)
        yield _site(actor.element("reference"), actor.at("reference"))
    for organization in consent.elements("organization"):
        yield _site(organization, "organization")


def _site(reference: Element | None, path: str) -> tuple[str, str]:
    identifier = None if reference is None else reference.element("identifier")
    if identifier is None or identifier.text("system") != SITE_SYSTEM or not identifier.text("value"):
        raise ResourceRefused("not-supported", path, f"is not a site (identifier of system {SITE_SYSTEM})")
    return identifier.text("value"), path


def _classes(provision: Element) -> Iterator[tuple[str, str]]:
    for coding in provision.elements("class"):
        yield _class(coding)
    for concept in provision.elements("code"):
        codings = list(concept.elements("coding"))
        if not codings:
            raise ResourceRefused("not-supported", concept.path, f"is not a class (system {CLASS_SYSTEM})")
        for coding in codings:
            yield _class(coding)


def _class(coding: Element) -> tuple[str, str]:
    if coding.text("system") != CLASS_SYSTEM or not coding.text("code"):
        raise ResourceRefused("not-supported", coding.path, f"is not a class of studies (system {CLASS_SYSTEM})")
    return coding.text("code"), coding.path


def _check_rule(consent: Element, scope: ConsentScope, effect: ConsentEffect) -> None:
    """A base rule says something of all the rest; only where there is no rest it can be kept."""
    rules = _codings(consent, "policyRule")
    if not rules:
        text = f"is missing: {POLICY_SYSTEM}|{ONE_DECISION}, or for everything OPTIN or OPTOUT"
        raise ResourceRefused("required", "policyRule", text)
    for rule in rules:
        is_whole = scope is ConsentScope.EVERYTHING and _WHOLE_RULES.get(rule) is effect
        if rule != (POLICY_SYSTEM, ONE_DECISION) and not is_whole:
            raise ResourceRefused("not-supported", "policyRule", "a rule about all the rest cannot be kept with this")


def _check_period(provision: Element, now: dt.datetime) -> None:
    period = provision.element("period")
    if period is None:
        return
    _refuse_others(period, {"id", "start", "end"})
    if period.text("end"):
        raise ResourceRefused("not-supported", "provision.period.end", "a decision holds until it is taken back")
    start = read_date_time(period, "start")
    if start is not None and start > now and start.date() > now.date():
        raise ResourceRefused("not-supported", "provision.period.start", "a decision holds from now on")


def _said_by(consent: Element, now: dt.datetime) -> dt.datetime | None:
    """Of a bare day, its end: the decision may have been made as late as that."""
    said = read_date_time(consent, "dateTime")
    if said is None:
        return None
    if len(consent.text("dateTime")) == len("YYYY-MM-DD"):
        said = dt.datetime.combine(said.date() + dt.timedelta(days=1), dt.time(0), tzinfo=dt.UTC)
        if said > now + dt.timedelta(days=1):
            raise ResourceRefused("value", "dateTime", "lies in the future")
        return said
    if said > now:
        raise ResourceRefused("value", "dateTime", "lies in the future")
    return said


def _codings(element: Element, name: str) -> list[tuple[str, str]]:
    concept = element.element(name)
    return [] if concept is None else _codings_of(concept)


def _codings_of(concept: Element) -> list[tuple[str, str]]:
    return [(coding.text("system"), coding.text("code")) for coding in concept.elements("coding")]


def consent_resource(said: ConsentDirective, systems: IdentifierSystems, *, is_in_force: bool) -> dict[str, Any]:
    """The decision as a Consent; ``inactive`` once a newer one on the same thing stands."""
    provision: dict[str, Any] = {"type": said.effect.value}
    if said.scope is ConsentScope.SITE:
        site = {"identifier": {"system": SITE_SYSTEM, "value": said.target}}
        provision["actor"] = [{"role": _concept(*_CUSTODIAN), "reference": site}]
    if said.scope is ConsentScope.STUDY_CLASS:
        provision["class"] = [{"system": CLASS_SYSTEM, "code": said.target}]
    return {
        "resourceType": "Consent",
        "id": said.directive_id,
        "meta": {"lastUpdated": said.recorded_at.isoformat()},
        "status": "active" if is_in_force else "inactive",
        "scope": _concept(*_SCOPE),
        "category": [_concept("http://loinc.org", "59284-0")],
        "patient": {"type": "Patient", "identifier": identifier_json(said.identifier, systems)},
        "dateTime": said.recorded_at.isoformat(),
        "policyRule": _concept(POLICY_SYSTEM, ONE_DECISION),
        "provision": provision,
    }


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}
