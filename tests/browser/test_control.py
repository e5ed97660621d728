"""The control room and the privacy officer's question, with a real browser."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Page, expect

from federation.asking.asking import Asking
from federation.asking.rules import AskingRules
from federation.errors import SourceUnavailable
from federation.ports import OutboxMessage, SiteAnswer, UnitOfWork
from federation.sites.circuit import CircuitRules
from gateway.permissions import Role
from mpi.identity.identifiers import PatientIdentifier
from tests.browser.conftest import NewPage
from tests.browser.people import DEMO_WEB, beside, sign_in
from tests.browser.served import served
from tests.integration.hub_world import (
    ANAS,
    OPERATIONS,
    ORDER,
    SURNAME,
    FakeSource,
    Hub,
    answering,
    hub_of_ana,
    refusing,
    study,
)


def hub_after_a_morning() -> Hub:
    """Dr Ada looked at Ana and checked an order; a clerk was refused; RDI refuses connections."""
    rows = [study("2.999.1", "NGH|0007", days_ago=2)]
    hub = hub_of_ana(answering("NGH", rows), answering("LKM"), refusing("RDI"), web=DEMO_WEB)
    token = hub.issuer.token(Role.PHYSICIAN, subject="dr-ada")
    for operation, variables in (("ImagingHistory", {"patient": ANAS}), ("CheckOrder", {"order": ORDER})):
        text = (OPERATIONS / f"{operation}.graphql").read_text()
        assert "errors" not in hub.post(text, token=token, variables=variables).json()
    hub.run("ImagingHistory", Role.RECORDS, patient=ANAS)
    return hub


def test_an_admin_sees_every_hospital_and_tests_them(page: Page) -> None:
    hub = beside(hub_after_a_morning)
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.ADMIN)
        page.get_by_role("link", name="Hospitals").first.click()
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(3)
        expect(page.get_by_text("not tested")).to_have_count(3)
        page.get_by_role("button", name="Test all now").click()
        expect(page.get_by_text("Every archive was asked just now.")).to_be_visible()
        expect(page.locator("tbody .tag.good", has_text="answers")).to_have_count(3)


def test_an_admin_sees_what_the_hub_works_with_and_what_waits(page: Page) -> None:
    hub = beside(hub_after_a_morning)
    with hub.units() as uow:
        uow.inbox.keep("LAB|NGH", "m1", "h1", acknowledgement=b"AA", received_at=hub.resources.clock())
        uow.outbox.mark_all_done([m.outbox_id for m in _waiting(uow, hub)], at=hub.resources.clock())
        uow.outbox.add("alert_raised", {}, at=hub.resources.clock())
        uow.commit()
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.ADMIN)
        page.goto(f"{address}/control")
        card = page.locator("section", has=page.get_by_role("heading", name="The hub"))
        expect(card).to_contain_text(hub.resources.matcher.model.version)
        expect(card).to_contain_text(hub.resources.rules.name)
        expect(card.get_by_role("row", name="LAB|NGH 1")).to_be_visible()
        expect(card.get_by_role("row", name="deliver an alert 1")).to_be_visible()
        expect(card.locator("tbody tr")).to_have_count(2)


def _waiting(uow: UnitOfWork, hub: Hub) -> Sequence[OutboxMessage]:
    return uow.outbox.due(limit=100, now=hub.resources.clock(), retry_after_seconds=0)


def test_an_admin_sees_a_circuit_open_and_close(page: Page) -> None:
    now, is_well = [0.0], [False]

    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        if not is_well[0]:
            raise SourceUnavailable("connection_refused")
        return SiteAnswer(())

    rules = AskingRules(circuit=CircuitRules(failures_to_open=2, open_seconds=30))
    asking = Asking(rules=rules, seconds=lambda: now[0])
    sources = answering("NGH"), answering("LKM"), FakeSource("RDI", answer)
    hub = beside(hub_of_ana, *sources, web=DEMO_WEB, asking=asking)

    def ask() -> None:
        hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS)

    with served(hub.app) as address:
        sign_in(page, address, hub, Role.SITE_ADMIN)
        row = page.get_by_role("row").filter(has_text="RDI Hospital")
        expect(row).to_contain_text("is asked")
        for _ in range(2):
            beside(ask)
        page.reload()
        expect(row).to_contain_text("left alone for a moment")
        expect(row).to_contain_text("refuses connections")
        now[0], is_well[0] = 31.0, True
        beside(ask)
        page.reload()
        expect(row).to_contain_text("is asked")


def test_an_admin_sees_whether_alerts_help_and_what_happened(page: Page) -> None:
    hub = beside(hub_after_a_morning)
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.ADMIN)
        expect(page.get_by_role("heading", name="Do the alerts help?")).to_be_visible()
        entries = page.get_by_role("region", name="Audit entries")
        expect(entries).to_contain_text("dr-ada")
        expect(entries).to_contain_text("role_not_allowed")


def test_a_privacy_officer_answers_who_looked(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hub = beside(hub_after_a_morning)
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.PRIVACY_OFFICER, subject="privacy-one")
        expect(page.get_by_role("heading", name="Who looked at this patient?")).to_be_visible()
        page.get_by_label("Number issued by").select_option("NGH")
        page.get_by_label("Patient number").fill("0007")
        page.get_by_role("button", name="Show who looked").click()
        entries = page.get_by_role("region", name="Audit entries")
        expect(entries.get_by_role("row").filter(has_text="dr-ada")).to_have_count(2)
        expect(page.get_by_text(SURNAME)).to_have_count(0)
        assert not any("0007" in url for url in asked)
        page.get_by_label("Who", exact=True).fill("privacy-one")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("region", name="Audit entries")).to_contain_text("accessReport")


def test_each_role_has_the_places_it_may_go(new_page: NewPage) -> None:
    hub = beside(hub_after_a_morning)
    places = {
        Role.PHYSICIAN: ["Imaging history", "Hospitals"],
        Role.RECORDS: ["Match queue", "Persons", "Quality", "Hospitals"],
        Role.ADMIN: ["Control room", "Quality", "Who looked", "Hospitals"],
        Role.PRIVACY_OFFICER: ["Who looked", "Hospitals"],
        Role.SITE_ADMIN: ["Hospitals"],
    }
    with served(hub.app) as address:
        for role, names in places.items():
            page = new_page()
            sign_in(page, address, hub, role)
            expect(page.get_by_role("navigation", name="Main").get_by_role("link")).to_have_text(names)
