"""Signing in and out with a real browser."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import Page, expect

from gateway.permissions import Role
from tests.browser.people import DEMO_WEB, sign_in
from tests.browser.served import served
from tests.integration.hub_world import Hub, hub_of_ana


@pytest.fixture(scope="module")
def hub() -> Hub:
    return hub_of_ana(web=DEMO_WEB)


@pytest.fixture(scope="module")
def address(hub: Hub):  # type: ignore[no-untyped-def]
    with served(hub.app) as url:
        yield url


def test_a_physician_signs_in_and_out(page: Page, hub: Hub, address: str) -> None:
    page.goto(address)
    expect(page).to_have_url(f"{address}/sign-in")
    sign_in(page, address, hub, Role.PHYSICIAN, subject="dr-ada")
    expect(page.get_by_text("dr-ada")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{address}/sign-in")
    page.goto(f"{address}/")
    expect(page).to_have_url(f"{address}/sign-in")


def test_a_token_that_is_not_taken_says_why(page: Page, hub: Hub, address: str) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("Token").fill(hub.issuer.token(Role.PHYSICIAN, lifetime_seconds=-3600))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This token has expired. Ask for a new one.")


def test_language_and_theme_are_remembered(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_role("button", name="DE, Deutsch").click()
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
    page.get_by_role("button", name="Dunkel").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(f"{address}/sign-in")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_the_first_tab_stop_skips_to_the_content(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_cookie_cannot_be_read_by_scripts(page: Page, hub: Hub, address: str) -> None:
    sign_in(page, address, hub, Role.PHYSICIAN)
    (cookie,) = [c for c in page.context.cookies() if c["name"] == "priorlink"]
    assert cookie["httpOnly"] is True
    assert cookie["sameSite"] == "Lax"
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    assert dt.datetime.fromtimestamp(max(cookie["expires"], 0), dt.UTC).year == 1970, "ends with the browser"
