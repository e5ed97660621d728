"""A physician finds a patient, sees the history fill in, and checks an order, with a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from gateway.permissions import Role
from tests.browser.people import beside, sign_in
from tests.browser.served import served
from tests.browser.worlds import hub_with_history, hub_with_queue, late
from tests.integration.hub_world import SURNAME, hanging, study


def find_ana(page: Page, *, by: str = "number") -> None:
    expect(page.get_by_role("heading", name="Find a patient")).to_be_visible()
    if by == "number":
        page.get_by_label("Hospital that gave the number").select_option("NGH")
        page.get_by_label("Number", exact=True).fill("0007")
        page.get_by_role("button", name="Show the history").click()
    else:
        page.get_by_label("Family name").fill(SURNAME)
        page.get_by_label("Given name").fill("Ana")
        page.get_by_label("Born").fill("1984-03-12")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name=f"{SURNAME}, Ana").click()
    expect(page.get_by_role("heading", name=f"{SURNAME}, Ana")).to_be_visible()


def test_a_physician_finds_a_patient_both_ways_and_no_address_names_her(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hub = beside(hub_with_history)
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.PHYSICIAN)
        find_ana(page)
        page.get_by_role("link", name="Another patient").click()
        find_ana(page, by="description")
        expect(page.get_by_text("12 Mar 1984")).to_be_visible()
        expect(page.get_by_text("All 3 hospitals that know this patient answered in full.")).to_be_visible()
        expect(page.get_by_role("region", name="Studies").get_by_role("row")).to_have_count(9)
        expect(page.locator(".timeline .mark")).to_have_count(8)
        told = " ".join([*asked, page.title()]).lower()
        assert not any(word in told for word in (SURNAME.lower(), "0007", "1984"))
        assert all(url.startswith(address) for url in asked)


def test_nobody_found_is_not_no_studies(page: Page) -> None:
    hub = beside(hub_with_history)
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.PHYSICIAN)
        page.get_by_label("Number", exact=True).fill("no-such-number")
        page.get_by_role("button", name="Show the history").click()
        expect(page.get_by_role("alert")).to_contain_text("Nobody in the index has this number.")


def test_the_history_fills_in_while_one_site_hangs(page: Page) -> None:
    rows = [study("2.999.9.1", "LKM|55", days_ago=6)]
    hub = beside(hub_with_history, late("LKM", rows, 0.6), hanging("RDI"))
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.PHYSICIAN)
        find_ana(page)
        page.evaluate("window.samePage = true")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("2 of 3 hospitals did not answer. There may be more studies.")
        expect(page.locator(".timeline .mark")).to_have_count(8)
        expect(alert).to_contain_text("1 of 3 hospitals did not answer. There may be more studies.")
        expect(alert).to_contain_text("RDI Hospital: no answer in time")
        expect(page.locator(".timeline .mark")).to_have_count(9)
        expect(page.get_by_text("still asking")).to_have_count(0)
        assert page.evaluate("window.samePage") is True, "filled in without loading the page again"


def check_abdomen(page: Page) -> None:
    page.get_by_label("What is to be ordered").fill("CT ABDOMEN W CONTRAST")
    page.get_by_label("Ordered at").select_option(label="LKM Hospital")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="This repeats a recent examination")).to_be_visible()


def test_an_order_is_checked_and_overridden_with_a_reason(page: Page) -> None:
    hub = beside(hub_with_history)
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.PHYSICIAN, subject="dr-ada")
        find_ana(page)
        check_abdomen(page)
        verdict = page.locator(".verdict")
        expect(verdict).to_contain_text("3 days before the order")
        assert verdict.locator("li").count() >= 1, "the reasons are given"
        page.get_by_label("Order all the same, because").select_option("CLINICAL_CHANGE")
        page.get_by_label("Comment").fill("new pain since Monday")
        page.get_by_role("button", name="Order all the same").click()
        expect(page.get_by_text("The order stands.")).to_be_visible()
        actions = [(e.action, e.actor) for e in hub.audit()]
        assert ("overrideAlert", "dr-ada") in actions


def test_an_order_is_given_up_for_the_prior(page: Page) -> None:
    hub = beside(hub_with_history)
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.PHYSICIAN)
        find_ana(page)
        check_abdomen(page)
        page.get_by_role("button", name="Use the prior, give the order up").click()
        expect(page.get_by_text("The order is given up for the prior.")).to_be_visible()


def test_images_open_in_the_sites_viewer(page: Page) -> None:
    hub = beside(hub_with_history)
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.PHYSICIAN)
        find_ana(page)
        link = page.get_by_role("link", name="Open CT ABD/PELVIS W CONTRAST").first
        expect(link).to_have_attribute("href", "https://viewer.example/?StudyInstanceUIDs=2.999.7.0")
        expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_a_clerk_may_not_open_a_history(page: Page) -> None:
    hub = beside(hub_with_queue, 1)
    with served(hub.app) as address:
        sign_in(page, address, hub, Role.RECORDS)
        answer = page.goto(f"{address}/history")
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()
        assert (hub.audit()[-1].action, hub.audit()[-1].outcome.name) == ("imagingHistory", "REFUSED")
