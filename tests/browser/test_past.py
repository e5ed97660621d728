"""What hospitals said before and which examinations follow the records, on the pages of records staff."""

from __future__ import annotations

import datetime as dt
from contextlib import AbstractContextManager
from dataclasses import replace

from playwright.sync_api import Page, expect

from federation.imaging.studies import SiteStudy
from federation.imaging.study_index import entry_of
from federation.sites.site import SiteId
from gateway.permissions import Role
from tests.browser.accessible import assert_accessible
from tests.browser.conftest import NewPage
from tests.browser.people import sign_in
from tests.browser.served import hub_at
from tests.browser.worlds import hub_with_queue
from tests.builders import NOON, person, pid
from tests.integration.hub_world import Hub, study

HERE, THERE = "NGH|10400", "LKM|10400"


def hub_with_a_past() -> Hub:
    """One question. One of its records moved house twice and was once said to be somebody else; both have studies."""
    hub = hub_with_queue(1)
    said = person("Nakamura", "Hana", born="1961-07-04", sex="F", street="5 Orchard Row", city="Leeds")
    hub.index.register(HERE, as_=said)
    hub.index.register(HERE, as_=replace(said, address=replace(said.address, street="9 Harbour View")))
    remember(hub, HERE, *(of_nobody(study(f"2.999.{n}", HERE, days_ago=30 * n)) for n in range(1, 4)))
    remember(hub, THERE, of_nobody(study("2.999.9", THERE, description="XR KNEE LEFT")))
    return hub


def of_nobody(row: SiteStudy) -> SiteStudy:
    return replace(row, patient_name=None, birth_date=None)


def remember(hub: Hub, identifier: str, *rows: SiteStudy) -> None:
    with hub.units() as uow:
        site = SiteId(identifier.partition("|")[0])
        uow.study_index.save(entry_of(site, pid(identifier), rows, NOON - dt.timedelta(hours=5), is_complete=True))
        uow.commit()


def a_past() -> AbstractContextManager[tuple[Hub, str]]:
    return hub_at(hub_with_a_past)


def first_question(page: Page) -> None:
    """Open it and wait for its scripts: keys do nothing before."""
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 values over time")).to_be_visible()
    page.wait_for_load_state()


def open_person(page: Page, address: str) -> None:
    page.goto(f"{address}/persons")
    page.get_by_label("Number issued by").select_option("NGH")
    page.get_by_label("Patient number").fill("10400")
    page.get_by_role("button", name="Show the person").click()
    expect(page.get_by_role("region", name="What is known")).to_be_visible()


def preview_merge(page: Page) -> None:
    merge = page.get_by_role("region", name="Merge with another person")
    merge.get_by_label("Number issued by").select_option("LKM")
    merge.get_by_label("Patient number").fill("10400")
    page.get_by_role("button", name="Preview the merge").click()
    expect(page.get_by_role("region", name="Their examinations")).to_be_visible()


def test_the_question_shows_what_each_hospital_said_before_field_by_field(page: Page) -> None:
    with a_past() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        first_question(page)
        row = page.locator(".compare tbody tr").filter(has=page.get_by_role("rowheader", name="Address"))
        expect(row.get_by_text("3 values over time")).to_be_visible()
        expect(row.get_by_text("1 Weaver Close")).to_be_hidden()
        page.keyboard.press("h")
        expect(row.get_by_text("1 Weaver Close")).to_be_visible()
        expect(row.get_by_role("listitem")).to_have_count(3)
        expect(row.get_by_role("listitem").first).to_contain_text("9 Harbour View")
        expect(row.get_by_role("listitem").first).to_contain_text("10 Mar 2026")
        page.keyboard.press("h")
        expect(row.get_by_text("1 Weaver Close")).to_be_hidden()
        family = page.locator(".compare tbody tr").filter(has=page.get_by_role("rowheader", name="Family name"))
        expect(family.locator("details")).to_have_count(0)


def test_the_question_shows_the_examinations_that_would_come_together(page: Page) -> None:
    with a_past() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        first_question(page)
        theirs = page.get_by_role("region", name="Their examinations")
        expect(theirs).to_contain_text("these examinations come together")
        left = theirs.locator(".seen").filter(has_text="NGH")
        expect(left).to_contain_text("3 examinations")
        expect(left).to_contain_text("as last seen 10 Mar 2026, 07:00 UTC")
        left.get_by_text("Show the examinations").click()
        expect(left.locator("tbody tr")).to_have_count(3)
        expect(left.locator("tbody tr").first).to_contain_text("8 Feb 2026")
        expect(theirs.locator(".seen").filter(has_text="LKM")).to_contain_text("1 examination")
        assert not any(source.asked for source in hub.resources.directory.sources.values())  # type: ignore[attr-defined]


def test_a_preview_shows_which_examinations_go_along(page: Page) -> None:
    with a_past() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        open_person(page, address)
        past = page.get_by_role("region", name="What the hospitals said over time").first
        expect(past).to_contain_text("1 Weaver Close")
        preview_merge(page)
        theirs = page.get_by_role("region", name="Their examinations")
        expect(theirs.locator(".seen").filter(has_text="Go along:")).to_contain_text("1 examination")
        expect(theirs.locator(".seen").filter(has_text="Stay with Nakamura, Hana")).to_contain_text("3 examinations")


def test_what_is_new_is_accessible_in_both_themes_and_on_a_phone(new_page: NewPage) -> None:
    page = new_page(color_scheme="light", reduced_motion="reduce")
    with a_past() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        first_question(page)
        page.keyboard.press("h")
        page.get_by_text("Show the examinations").first.click()
        expect(page.locator(".compare").get_by_text("1 Weaver Close")).to_be_visible()
        assert_accessible(page, "question")
        open_person(page, address)
        assert_accessible(page, "person")
        preview_merge(page)
        page.get_by_text("Show the examinations").first.click()
        assert_accessible(page, "preview")
