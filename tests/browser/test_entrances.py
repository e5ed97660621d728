"""Signing in at the provider and coming from an EHR, with a real browser, a real provider and a real EHR."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessible import assert_accessible
from tests.browser.conftest import NewPage
from tests.browser.people import beside
from tests.integration.hub_world import SURNAME
from tests.integration.sign_in_world import World, running_servers, sign_in_world
from tests.servers.http_app import Later, served


@dataclass(frozen=True, slots=True)
class Open:
    """The world, and where the hub is."""

    world: World
    address: str


@pytest.fixture(scope="module")
def there() -> Iterator[Open]:
    with ExitStack() as stack:
        later = Later()
        address = f"http://{stack.enter_context(served(later))}"
        world = sign_in_world(stack.enter_context(running_servers()), public=address)
        later.app = world.hub.app
        yield Open(world, address)


def sign_in(page: Page, there: Open, who: str = "Dr Ada") -> None:
    page.goto(f"{there.address}/sign-in")
    page.get_by_role("link", name="Sign in at North").click()
    page.get_by_role("button", name=who).click()


def test_a_physician_signs_in_at_the_provider_and_out_again(page: Page, there: Open) -> None:
    page.goto(f"{there.address}/history")
    expect(page).to_have_url(f"{there.address}/sign-in")
    sign_in(page, there)
    expect(page).to_have_url(f"{there.address}/history")
    expect(page.locator(".caller")).to_have_text("Dr Ada")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{there.address}/sign-in")
    assert there.world.provider.signed_out[-1]["client_id"] == "hub-at-idp"
    page.goto(f"{there.address}/history")
    expect(page).to_have_url(f"{there.address}/sign-in")


def test_the_keyboard_is_enough_to_sign_in(page: Page, there: Open) -> None:
    page.goto(f"{there.address}/sign-in")
    page.get_by_role("link", name="Sign in at North").press("Enter")
    page.get_by_role("button", name="Cleo").press("Enter")
    expect(page).to_have_url(f"{there.address}/queue")


def test_an_ehr_opens_the_timeline_of_its_patient(page: Page, there: Open) -> None:
    page.goto(there.world.ehr.url)
    page.get_by_role("link", name="Ana").click()
    expect(page.get_by_role("heading", name=SURNAME)).to_be_visible()
    expect(page.locator(".timeline .mark").first).to_be_visible()
    expect(page.locator(".studies tbody tr")).to_have_count(3)
    expect(page.locator(".caller")).to_have_text("dr-okafor, North's charts")
    assert page.url.startswith(f"{there.address}/history/launched/")
    assert SURNAME not in page.url
    assert SURNAME not in page.title()
    page.reload()
    expect(page.get_by_role("heading", name=SURNAME)).to_be_visible()
    page.get_by_label("Examination").fill("CT abdomen with contrast")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".verdict")).to_be_visible()
    assert_accessible(page, "launched")


def test_somebody_who_calls_it_off_is_told_so(page: Page, there: Open) -> None:
    sign_in(page, there, "Cancel")
    expect(page.get_by_role("heading", name="Signing in was called off")).to_be_visible()
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("button", name="Dr Ada").click()
    expect(page).to_have_url(f"{there.address}/history")


def test_a_patient_whom_nobody_knows_is_said_to_be(page: Page, there: Open) -> None:
    page.goto(there.world.ehr.url)
    page.get_by_role("link", name="Not known to us").click()
    expect(page.get_by_role("heading", name="This patient is not known here")).to_be_visible()
    assert_accessible(page, "patient unknown")


def test_the_sign_in_page_is_accessible(new_page: NewPage, there: Open) -> None:
    page = new_page(reduced_motion="reduce")
    page.goto(f"{there.address}/sign-in")
    expect(page.get_by_role("link", name="Sign in at North")).to_be_visible()
    assert_accessible(page, "sign in")
    page.goto(f"{there.address}/launch?iss=https://elsewhere.example&launch=x")
    expect(page.get_by_role("heading", name="This EHR is not known here")).to_be_visible()
    assert_accessible(page, "not listed")


def test_a_session_that_ended_goes_on_where_it_was(page: Page, there: Open) -> None:
    sign_in(page, there, "Cleo")
    expect(page).to_have_url(f"{there.address}/queue")
    beside(there.world.pass_time, minutes=61)
    page.goto(f"{there.address}/queue?kind=POSSIBLE_MATCH")
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
    page.get_by_role("link", name="Sign in at North").click()
    page.get_by_role("button", name="Cleo").click()
    expect(page).to_have_url(f"{there.address}/queue?kind=POSSIBLE_MATCH")
