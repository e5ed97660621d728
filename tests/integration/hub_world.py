"""A whole hub in one process: index in memory, archives that answer, refuse or hang, and an issuer of tokens."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

from adapters.fhir.identifier_systems import IdentifierSystems
from adapters.hl7v2.order_effect import NormalizeOrder
from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from federation.asking.asking import Asking
from federation.errors import SourceUnavailable
from federation.imaging.procedures import Contrast, Laterality, Modality, Procedure
from federation.imaging.rule_set import default_rule_set
from federation.imaging.studies import ReportStatus, SiteStudy, StudyStart
from federation.ports import SiteAnswer, SiteProbe, UnitOfWork
from federation.sites.consent import ConsentPolicy
from federation.sites.directory import SiteDirectory
from federation.sites.site import Site, SiteId
from federation.usecases.search_priors import ProcedureOf
from gateway.asgi import create_app
from gateway.authentication import Caller, TokenVerifier
from gateway.demo_issuer import DemoIssuer
from gateway.fhir.routes import fhir_routes
from gateway.metrics import HubMetrics
from gateway.permissions import Role
from gateway.rate_limits import RateLimits, no_rate_limits
from gateway.resources import HubResources, nobody_is_denied
from gateway.schema.build import build_schema
from gateway.settings import HttpSettings, Settings, WebSettings
from gateway.signing_keys import FixedKeys
from gateway.web.routes import web_routes
from mpi.audit import AuditEvent
from mpi.identity.demographics import PartialDate, PersonName
from mpi.identity.identifiers import AuthorityRegistry, PatientIdentifier
from mpi.identity.review import EvidenceLine, ReviewKind
from mpi.usecases.open_review import open_review
from tests.builders import AUTHORITIES, NOON, Index, newest_events, person, pid

OPERATIONS = Path(__file__).resolve().parents[2] / "graphql" / "operations"
CT_ABDOMEN = Procedure(Modality.CT, frozenset({"ABDOMEN", "PELVIS"}), Laterality.NONE, Contrast.WITH)
KNEE = Procedure(Modality.XR, frozenset({"KNEE"}), Laterality.LEFT, Contrast.WITHOUT)
SURNAME = "Quillfeather"
ANA = person(SURNAME, "Ana", born="1984-03-12", sex="F", phone="202-555-0134", ssn_last4="4821")


def study(
    uid: str, patient: str, *, days_ago: float | None = 3, description: str = "CT ABD/PELVIS W CONTRAST"
) -> SiteStudy:
    """A row of the archive that issued the patient's number."""
    instant = None if days_ago is None else NOON - dt.timedelta(days=days_ago)
    return SiteStudy(
        site_id=SiteId(patient.partition("|")[0]),
        study_instance_uid=uid,
        patient_identifier=pid(patient),
        started=None if instant is None else StudyStart(instant.date(), instant),
        modalities=("DX",) if "KNEE" in description else ("CT", "SR"),
        description=description,
        accession_number=f"A-{uid}",
        images_available=True,
        report_status=ReportStatus.FINAL,
        patient_name=PersonName(SURNAME.upper(), "ANA"),
        birth_date=PartialDate(1984, 3, 12),
    )


class FakeSource:
    """An archive that answers by a function."""

    protocol = "fake"

    def __init__(self, site_id: str, answer: Callable[[PatientIdentifier], Awaitable[SiteAnswer]]) -> None:
        self.site_id = SiteId(site_id)
        self.asked: list[PatientIdentifier] = []
        self._answer = answer

    async def search_for_studies(self, identifier: PatientIdentifier, *, timeout_seconds: float) -> SiteAnswer:
        self.asked.append(identifier)
        return await self._answer(identifier)

    async def check(self, *, timeout_seconds: float) -> SiteProbe:
        return SiteProbe(self.site_id, ok=True, latency_ms=1, details=(("qido", "yes"),))

    async def aclose(self) -> None:
        return None


def answering(site_id: str, rows: Iterable[SiteStudy] = ()) -> FakeSource:
    kept = tuple(rows)

    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        return SiteAnswer(tuple(row for row in kept if row.patient_identifier == identifier))

    return FakeSource(site_id, answer)


def refusing(site_id: str) -> FakeSource:
    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        raise SourceUnavailable("connection_refused")

    return FakeSource(site_id, answer)


def hanging(site_id: str) -> FakeSource:
    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets")

    return FakeSource(site_id, answer)


def exploding(site_id: str) -> FakeSource:
    """An archive whose source breaks its promise to raise source errors only."""

    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        raise RuntimeError(f"cannot serve {SURNAME}")

    return FakeSource(site_id, answer)


def normalize_order(*, site_id: str, description: str, **_: str | None) -> Procedure:
    """Enough of a normaliser to tell two examinations apart."""
    return KNEE if "KNEE" in description.upper() else CT_ABDOMEN


def procedure_of(row: SiteStudy) -> Procedure:
    """The same for what archives say."""
    return KNEE if "KNEE" in (row.description or "") else CT_ABDOMEN


class Hub:
    """The application with everything behind it, spoken to as a client would.

    ``sites`` are also the assigning authorities of the sites' patient numbers.
    """

    def __init__(
        self,
        *sources: FakeSource,
        units: Callable[[], UnitOfWork] | None = None,
        http: HttpSettings | None = None,
        deadline_seconds: float = 0.3,
        sites: Iterable[str] = ("NGH", "LKM", "RDI"),
        authorities: AuthorityRegistry = AUTHORITIES,
        procedure_of: ProcedureOf = procedure_of,
        normalize_order: NormalizeOrder = normalize_order,
        consent: ConsentPolicy | None = None,
        web: WebSettings | None = None,
        rates: RateLimits | None = None,
        asking: Asking | None = None,
        is_denied: Callable[[Caller], bool] = nobody_is_denied,
    ) -> None:
        store = self.store = MemoryStore()
        self.units: Callable[[], UnitOfWork] = units or (lambda: MemoryUnitOfWork(store))
        self.index = Index(self.units, authorities=authorities)  # type: ignore[arg-type]
        self.now = NOON
        self.issuer = DemoIssuer(clock=lambda: self.now)
        known = {SiteId(s): Site(SiteId(s), f"{s} Hospital", s) for s in sites}
        self.resources = HubResources(
            units=self.units,
            read=self.units,
            directory=SiteDirectory(
                known, {s.site_id: s for s in sources}, asking or Asking(), consent=consent or ConsentPolicy()
            ),
            matcher=self.index.matcher,
            rules=default_rule_set(),
            procedure_of=procedure_of,
            normalize_order=normalize_order,
            clock=lambda: self.now,
            new_id=self.index.new_id,
            rates=rates or no_rate_limits(),
            default_deadline_seconds=deadline_seconds,
            is_denied=is_denied,
            authenticate=TokenVerifier(
                FixedKeys(self.issuer.jwks), self.issuer.issuer, self.issuer.audience, lambda: self.now
            ),
        )
        self.metrics = HubMetrics()
        pages = () if web is None else web_routes(self.resources, self.metrics, web, build_schema())
        systems = IdentifierSystems(self.index.matcher.authorities, {"LKM": "https://lkm.example/ids"})
        self.app: Starlette = create_app(
            self.resources,
            Settings(http=http or HttpSettings()),
            routes=(*fhir_routes(self.resources, self.metrics, systems), *pages),
            metrics=self.metrics,
        )

    def request(self, method: str, path: str, **how: Any) -> httpx2.Response:
        """One HTTP request."""
        return asyncio.run(self._request(method, path, how))

    async def _request(self, method: str, path: str, how: dict[str, Any]) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub.example") as client:
            return await client.request(method, path, **how)

    def post(
        self, query: str, *roles: Role, variables: dict[str, Any] | None = None, token: str | None = None
    ) -> httpx2.Response:
        """One GraphQL request by somebody with these roles."""
        bearer = token if token is not None else self.issuer.token(*roles)
        body = {"query": query, "variables": variables or {}}
        return self.request("POST", "/graphql", json=body, headers={"Authorization": f"Bearer {bearer}"})

    def ask(self, query: str, *roles: Role, **variables: Any) -> Any:
        """The data of an answer without errors."""
        answer = self.post(query, *roles, variables=variables).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def run(self, operation: str, *roles: Role, **variables: Any) -> Any:
        """The answer to one of the published operations: the one root field."""
        data = self.ask((OPERATIONS / f"{operation}.graphql").read_text(), *roles, **variables)
        assert len(data) == 1
        return next(iter(data.values()))

    def audit(self) -> list[AuditEvent]:
        """All audit entries, oldest first."""
        with self.units() as uow:
            return list(reversed(newest_events(uow, limit=500)))


ANAS = {"assigningAuthority": "NGH", "localPatientId": "0007"}
ORDER = {"patient": ANAS, "orderingSite": "NGH", "description": "CT ABDOMEN W CONTRAST", "flags": []}


def hub_of_ana(*sources: FakeSource, **how: Any) -> Hub:
    """Ana is known at three hospitals; unless told otherwise two hold studies of hers and one holds none."""
    chosen = sources or (
        answering("NGH", [study("2.999.1", "NGH|0007", days_ago=400)]),
        answering("LKM", [study("2.999.2", "LKM|55", days_ago=3), study("2.999.3", "LKM|55", days_ago=None)]),
        answering("RDI"),
    )
    hub = Hub(*chosen, **how)
    for identifier in ("NGH|0007", "LKM|55", "RDI|A1"):
        hub.index.register(identifier, as_=ANA)
    assert len({hub.index.person_of(i) for i in ("NGH|0007", "LKM|55", "RDI|A1")}) == 1
    return hub


FAMILIES = ("Nakamura", "Okonkwo", "Petrov", "Quispe", "Rasmussen")
EVIDENCE = (EvidenceLine("family", "exact", 6.5), EvidenceLine("birth_date", "day_and_month_swapped", 1.25))


def hub_with_questions(pairs: int = 1, **how: Any) -> Hub:
    """So many possible matches wait for records staff; two of them are equally urgent."""
    hub = Hub(answering("NGH"), **how)
    for number, family in enumerate(FAMILIES[:pairs]):
        sides = [f"{site}|{number}" for site in ("NGH", "LKM")]
        hub.index.register(sides[0], as_=person(family, "Bo", born=f"1961-07-1{number}", sex="M"))
        hub.index.register(sides[1], as_=person(f"{family[::-1].title()}", "Ida", born=f"199{number}-02-03", sex="F"))
        with hub.units() as uow:
            open_review(
                ReviewKind.POSSIBLE_MATCH,
                *map(pid, sides),
                source="test",
                uow=uow,
                clock=hub.index.clock,
                new_id=hub.index.new_id,
                priority=number // 2,
                evidence=EVIDENCE,
                score=7.75,
                match_probability=0.83,
                guards=("birth_dates_differ",),
            )
            uow.commit()
    return hub


def states(answer: dict[str, Any]) -> dict[str, str]:
    return {site["site"]: site["state"] for site in answer["coverage"]}


def uids(answer: dict[str, Any]) -> list[str]:
    return [edge["node"]["studyInstanceUid"] for edge in answer["studies"]["edges"]]
