"""A physician at work: finds a patient, sees the history fill in, checks an order, answers the alert."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from federation.ports import SiteAnswer
from gateway.permissions import Role
from mpi.identity.identifiers import PatientIdentifier
from tests.browser.conftest import NewPage
from tests.browser.people import DEMO_WEB, beside, sign_in
from tests.browser.served import served
from tests.integration.hub_world import SURNAME, FakeSource, Hub, answering, hub_of_ana, refusing, study

KNEE = study("2.999.7", "NGH|0007", days_ago=700, description="XR KNEE LEFT")


def late(site_id: str, gate: threading.Event) -> FakeSource:
    """An archive that answers once the gate is open."""

    async def answer(identifier: PatientIdentifier) -> SiteAnswer:
        while not gate.is_set():
            await asyncio.sleep(0.01)
        return SiteAnswer((study("2.999.9", "RDI|A1", days_ago=20),) if identifier.local_patient_id == "A1" else ())

    return FakeSource(site_id, answer)


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def hub(gate: threading.Event) -> Hub:
    ngh = answering("NGH", [study("2.999.1", "NGH|0007", days_ago=400), KNEE])
    lkm = answering("LKM", [study("2.999.2", "LKM|55", days_ago=3), study("2.999.3", "LKM|55", days_ago=None)])
    return hub_of_ana(ngh, lkm, late("RDI", gate), web=DEMO_WEB)


@pytest.fixture
def address(hub: Hub, gate: threading.Event) -> Iterator[str]:
    with served(hub.app) as url:
        yield url
        gate.set()


def find(page: Page, address: str, hub: Hub, number: str = "0007", hospital: str = "NGH Hospital") -> None:
    sign_in(page, address, hub, Role.PHYSICIAN, subject="dr-ada")
    page.get_by_label("Number issued by").select_option(hospital)
    page.get_by_label("Patient number").fill(number)
    page.get_by_role("button", name="Show imaging").click()
    expect(page.locator("#history, [role=alert]").first).to_be_visible()
    page.wait_for_load_state("load")


def assert_accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []


def test_the_history_fills_in_while_a_hospital_is_late(
    page: Page, hub: Hub, address: str, gate: threading.Event
) -> None:
    find(page, address, hub)
    expect(page.get_by_role("heading", name=SURNAME)).to_be_visible()
    banner = page.locator(".coverage")
    expect(banner).to_contain_text("Still asking 1 hospital.")
    expect(banner).to_contain_text("RDI Hospital has not answered yet")
    rows = page.locator(".studies tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("7 Mar 2026")
    expect(rows.nth(3)).to_contain_text("no date")
    gate.set()
    expect(banner).to_contain_text("All 3 hospitals answered.")
    expect(rows).to_have_count(5)
    expect(page.locator(".timeline .mark")).to_have_count(4)
    page.locator(".timeline a").last.press("Enter")
    expect(page.locator("#study-1")).to_be_focused()


def test_a_hospital_that_never_answers_cannot_be_overlooked(new_page: NewPage) -> None:
    hub = hub_of_ana(answering("NGH"), answering("LKM"), refusing("RDI"), web=DEMO_WEB)
    page = new_page()
    with served(hub.app) as address:
        find(page, address, hub)
        expect(page.locator(".coverage .note.danger")).to_contain_text("1 of 3 hospitals did not answer.")
        expect(page.locator(".coverage")).to_contain_text("RDI Hospital could not be asked")
        expect(page.get_by_role("heading", name="Nothing at the hospitals that answered")).to_be_visible()
        expect(page.get_by_text("This is not the same as no earlier imaging")).to_be_visible()
        assert_accessible(page)


def test_five_hundred_examinations_are_shown_and_the_archives_are_asked_once(new_page: NewPage) -> None:
    many = answering("NGH", [study(f"2.999.{n}", "NGH|0007", days_ago=n) for n in range(1, 502)])
    hub = hub_of_ana(many, answering("LKM"), answering("RDI"), web=DEMO_WEB)
    page = new_page()
    with served(hub.app) as address:
        find(page, address, hub)
        expect(page.locator(".studies tbody tr")).to_have_count(500)
        expect(page.get_by_text("501 examinations")).to_be_visible()
        expect(page.locator(".studies caption")).to_contain_text("The list is cut here.")
    assert len(many.asked) == 1


def test_an_order_is_checked_and_stands_for_a_reason(page: Page, hub: Hub, address: str, gate: threading.Event) -> None:
    gate.set()
    find(page, address, hub)
    page.get_by_label("Examination").fill("CT abdomen with contrast")
    page.get_by_role("button", name="Check", exact=True).click()
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("This exam was just done")
    expect(verdict).to_contain_text("7 Mar 2026 (3 days ago)")
    expect(verdict).to_contain_text("LKM Hospital")
    page.get_by_role("button", name="Order anyway").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a reason.")
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_label("Why the order stands").select_option("A different clinical question")
    page.get_by_role("button", name="Order anyway").click()
    expect(page.get_by_text("The order stands. A different clinical question.")).to_be_visible()
    kept = beside(hub.audit)
    assert "overrideAlert" in [event.action for event in kept]


def test_a_number_that_nobody_knows_is_said_and_nothing_names_the_patient(page: Page, hub: Hub, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    find(page, address, hub, number="4711")
    expect(page.get_by_role("alert")).to_contain_text("knows this number")
    page.get_by_label("Patient number").fill("0007")
    page.get_by_role("button", name="Show imaging").click()
    expect(page.get_by_role("heading", name=SURNAME)).to_be_visible()
    assert all(url.startswith(address) for url in asked)
    assert not [url for url in asked if "0007" in url or "4711" in url or SURNAME in url]
    assert SURNAME not in page.title()
    kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert not [said for said in ("0007", "4711", SURNAME) if said in kept]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_is_accessible_in_both_themes_and_on_a_phone(
    new_page: NewPage, hub: Hub, address: str, gate: threading.Event, theme: str, width: int
) -> None:
    gate.set()
    page = new_page(color_scheme=theme, viewport={"width": width, "height": 800})
    find(page, address, hub)
    page.get_by_label("Examination").fill("CT abdomen with contrast")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".verdict")).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{address}/history")
    assert_accessible(page)


def test_a_patient_is_found_by_name_and_birth_date(page: Page, hub: Hub, address: str, gate: threading.Event) -> None:
    gate.set()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, address, hub, Role.PHYSICIAN)
    page.get_by_label("Family name").fill(SURNAME)
    page.get_by_label("Given name").fill("Ana")
    page.get_by_label("Born").fill("1984-03-12")
    page.get_by_role("button", name="Search").click()
    assert_accessible(page)
    page.get_by_role("row").filter(has_text=SURNAME).get_by_role("button", name="Show imaging").click()
    expect(page.get_by_role("heading", name=SURNAME)).to_be_visible()
    expect(page.locator(".studies tbody tr")).to_have_count(5)
    assert not any(SURNAME.lower() in url.lower() or "1984" in url for url in asked)


def test_who_may_not_order_does_not_get_in(page: Page, hub: Hub, address: str) -> None:
    sign_in(page, address, hub, Role.RECORDS)
    answer = page.goto(f"{address}/history")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()


def test_an_order_is_checked_without_scripts_too(
    new_page: NewPage, hub: Hub, address: str, gate: threading.Event
) -> None:
    gate.set()
    page = new_page(java_script_enabled=False)
    find(page, address, hub)
    page.get_by_label("Examination").fill("CT abdomen with contrast")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("heading", name="Check an order")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text("This exam was just done")
    page.get_by_label("Why the order stands").select_option("A different clinical question")
    page.get_by_role("button", name="Order anyway").click()
    expect(page.get_by_text("The order stands. A different clinical question.")).to_be_visible()
    expect(page.get_by_role("heading", name="Check an order")).to_be_visible()
