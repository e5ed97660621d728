"""A committee's scenario as a hub meets it: archives hold its priors, and its order comes in through one door.

A door carries only what its messages and the archives say. What a scenario says beyond that makes it one that cannot
be played through the door; the reasons are computed from the scenario's facts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from federation.imaging.assessment import DuplicateAssessment, PriorFacts, Tier
from federation.imaging.procedures import Procedure
from federation.imaging.scenarios import Scenario
from federation.imaging.studies import ReportStatus, SiteStudy, StudyStart
from federation.sites.site import SiteId
from gateway.permissions import Role
from mpi.identity.demographics import PartialDate, PersonName
from mpi.identity.identifiers import AssigningAuthority, AuthorityRegistry, EnterpriseId
from tests.builders import NOON, pid
from tests.fhir_door import FhirClient, placed_request
from tests.integration.cds_world import SYSTEM, Ehr, service_request
from tests.integration.hub_world import ANA, SURNAME, Hub, answering
from tests.integration.order_world import OrderDoor, new_order

DESCRIPTION = "EXAMINATION AS ORDERED"
NUMBER = "0007"
PATIENCE_SECONDS = 5.0
_REPORTED = frozenset({ReportStatus.FINAL, ReportStatus.PRELIMINARY})
_INDICATORS = {"info": Tier.INFO, "warning": Tier.WARNING, "critical": Tier.INTERRUPTIVE}
_SEVERITIES = {"low": Tier.INFO, "moderate": Tier.WARNING, "high": Tier.INTERRUPTIVE}


class ScenarioDoor(Enum):
    """Where an order comes in."""

    GRAPHQL = "graphql"
    CDS_HOOKS = "cds_hooks"
    HL7 = "hl7"
    FHIR = "fhir"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a door said, in the scenario's own words for its priors."""

    tier: Tier
    prior_id: str | None


def expected(scenario: Scenario) -> Verdict:
    """What the committee wants."""
    return Verdict(scenario.expected_tier, scenario.expected_prior_id)


def not_carried(scenario: Scenario, door: ScenarioDoor) -> tuple[str, ...]:
    """Why the scenario cannot be played through the door; empty when it can."""
    of_priors = {reason for prior in scenario.priors for reason in _not_said_by_archives(prior)}
    if scenario.order.overridden_priors and door is not ScenarioDoor.GRAPHQL:
        of_priors.add("an order message does not say what was overridden before")
    return tuple(sorted(of_priors))


def _not_said_by_archives(prior: PriorFacts) -> Iterator[str]:
    if not prior.consent_permits:
        yield "an archive does not say that consent is denied"
    if not prior.is_diagnostic:
        yield "an archive does not say that images are of no diagnostic quality"
    if not prior.match_is_certain:
        yield "an archive is asked about certain links only"
    if prior.is_research:
        yield "an archive does not say that a study is research"
    if prior.performing_site_id is None:
        yield "a study lies at a site"
    if prior.report_available != (prior.report_status in _REPORTED):
        yield "an archive does not say that a report which exists cannot be had"


class ScenarioHub:
    """A hub whose archives hold the priors of one scenario, with one patient who is known at every site."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._prior_ids = {f"2.999.7.{n}": prior.prior_id for n, prior in enumerate(scenario.priors, start=1)}
        self._procedures = {f"2.999.7.{n}": prior.procedure for n, prior in enumerate(scenario.priors, start=1)}
        self.site = str(scenario.order.site_id)
        sites = sorted({self.site, *(str(prior.performing_site_id) for prior in scenario.priors)})
        rows = [self._row(uid, prior) for uid, prior in zip(self._prior_ids, scenario.priors, strict=True)]
        self.sources = [answering(site, [row for row in rows if row.site_id == site]) for site in sites]
        self.hub = Hub(
            *self.sources,
            deadline_seconds=PATIENCE_SECONDS,
            sites=sites,
            authorities=AuthorityRegistry.of(*map(AssigningAuthority, sites)),
            procedure_of=lambda row: self._procedures[row.study_instance_uid],
            normalize_order=self._normalize,
        )
        for site in sites:
            self.hub.index.register(f"{site}|{NUMBER}", as_=ANA)
        assert self.hub.index.are_one(*(f"{site}|{NUMBER}" for site in sites))

    def _normalize(self, *, description: str, **_: str | None) -> Procedure:
        assert description == DESCRIPTION
        return self.scenario.order.procedure

    def _row(self, uid: str, prior: PriorFacts) -> SiteStudy:
        site, at = str(prior.performing_site_id), prior.performed_at
        modalities = (prior.procedure.modality.value,) if prior.is_image_object else ("SR",)
        return SiteStudy(
            site_id=SiteId(site),
            study_instance_uid=uid,
            patient_identifier=pid(f"{site}|{NUMBER}"),
            started=None if at is None else StudyStart(at.date(), at),
            modalities=(*modalities, "RTPLAN") if prior.is_rt_planning else modalities,
            description=f"EXAMINATION {prior.prior_id}",
            accession_number=f"A-{uid}",
            images_available=prior.images_available,
            status=prior.status,
            report_status=prior.report_status,
            patient_name=PersonName(SURNAME.upper(), "ANA"),
            birth_date=PartialDate(1984, 3, 12),
        )

    def play(self, door: ScenarioDoor, folder: Path) -> Verdict:
        """Order through the door; every archive is asked, unless the order is not understood."""
        match door:
            case ScenarioDoor.GRAPHQL:
                verdict = self._graphql()
            case ScenarioDoor.CDS_HOOKS:
                verdict = self._cds_hooks(folder)
            case ScenarioDoor.HL7:
                verdict = self._hl7()
            case ScenarioDoor.FHIR:
                verdict = self._fhir()
        is_understood = not self.scenario.order.procedure.is_unknown
        assert all(source.asked for source in self.sources) or not is_understood
        return verdict

    def _verdict(self, tier: Tier, uid: str | None) -> Verdict:
        return Verdict(tier, None if uid is None else self._prior_ids[uid])

    def _flags(self) -> list[str]:
        return sorted(flag.value for flag in self.scenario.order.flags)

    def _graphql(self) -> Verdict:
        order = self.scenario.order
        uids = {prior_id: uid for uid, prior_id in self._prior_ids.items()}
        answer = self.hub.run(
            "CheckOrder",
            Role.PLUGIN,
            order={
                "patient": {"assigningAuthority": self.site, "localPatientId": NUMBER},
                "orderingSite": self.site,
                "description": DESCRIPTION,
                "requestedAt": order.requested_at.isoformat(),
                "flags": [flag.upper() for flag in self._flags()],
                "overriddenPriors": [uids[prior] for prior in sorted(order.overridden_priors) if prior in uids],
            },
        )
        assert answer["__typename"] == "OrderCheck", answer
        best = answer["best"]
        return self._verdict(Tier[answer["tier"]], None if best is None else best["studyInstanceUid"])

    def _cds_hooks(self, folder: Path) -> Verdict:
        deadline_ms = int(PATIENCE_SECONDS * 1000)
        client = {"site": self.site}
        ehr = Ehr(self.hub, folder, client=client, identifier_systems={SYSTEM: self.site}, deadline_ms=deadline_ms)
        coded = [{"system": "urn:priorlink:clinical-flag", "code": flag} for flag in self._flags()]
        order: dict[str, Any] = service_request(
            DESCRIPTION,
            code={"text": DESCRIPTION},
            priority="routine",
            authoredOn=self.scenario.order.requested_at.isoformat(),
            reasonCode=[{"coding": [coding]} for coding in coded],
        )
        cards = ehr.cards("order-sign", order)
        if not cards:
            return Verdict(Tier.NONE, None)
        (card,) = cards
        with self.hub.units() as uow:
            alert = uow.alerts.newest(card["uuid"])
        assert alert is not None
        verdict = self._verdict(_INDICATORS[card["indicator"]], alert.prior_id)
        assert f": EXAMINATION {verdict.prior_id}, " in card["summary"]
        return verdict

    def _hl7(self) -> Verdict:
        door = OrderDoor(self.hub, normalize=self._normalize)
        reasons = "~".join(f"{flag}^^PRIORLINK" for flag in self._flags())
        at = self.scenario.order.requested_at.astimezone(dt.UTC).strftime("%Y%m%d%H%M%S+0000")
        sent = new_order(obr4=f"^{DESCRIPTION}", rest=f"|R{'|' * 26}{reasons}")
        patient = f"{NUMBER}^^^{self.site}"
        assert door.order(sent, site=self.site, patient=patient, at=at).code == "AA"
        assert "order_received" in door.work()
        found = self._kept_assessment()
        told = [(alert.tier, alert.prior_id) for alert in door.alerts()]
        assert told == ([] if found.best is None else [(found.tier, found.best_prior_id)])
        return self._verdict(found.tier, found.best_prior_id)

    def _fhir(self) -> Verdict:
        client = FhirClient(self.hub, Role.PLUGIN)
        sent = placed_request(
            site=self.site,
            patient=f"{self.site}|{NUMBER}",
            code={"text": DESCRIPTION},
            authoredOn=self.scenario.order.requested_at.isoformat(),
            reasonCode=[{"coding": [{"system": "urn:priorlink:clinical-flag", "code": f}]} for f in self._flags()],
        )
        taken = client.post("/ServiceRequest", sent)
        assert taken.status_code == 201, taken.text
        assert "order_received" in OrderDoor(self.hub).work()
        found = client.search_issues({"implicated:identifier": f"urn:priorlink:order:{self.site}|P-1"})
        issues = [entry["resource"] for entry in found["entry"] if entry["search"]["mode"] == "match"]
        if not issues:
            return Verdict(Tier.NONE, None)
        (detected,) = issues
        prior = next(one["identifier"]["value"] for one in detected["implicated"] if one["type"] == "ImagingStudy")
        return self._verdict(_SEVERITIES[detected["severity"]], prior.removeprefix("urn:oid:"))

    def _kept_assessment(self) -> DuplicateAssessment:
        person = EnterpriseId(self.hub.index.person_of(f"{self.site}|{NUMBER}"))
        with self.hub.units() as uow:
            (check,) = uow.order_checks.open_checks_of([person], since=NOON - dt.timedelta(days=1))
        return check.assessment
