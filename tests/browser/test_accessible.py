"""axe-core finds nothing on any page, in both themes; pages fit a phone, 200 % zoom and reduced motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from gateway.permissions import Role
from tests.browser.accessible import assert_accessible
from tests.browser.conftest import NewPage
from tests.browser.people import sign_in
from tests.browser.served import hub_at
from tests.browser.test_control import hub_after_a_morning
from tests.browser.worlds import hub_with_decisions, hub_with_queue
from tests.integration.hub_world import Hub

World = tuple[Hub, str]


@pytest.fixture(scope="module")
def morning() -> Iterator[World]:
    with hub_at(hub_after_a_morning) as world:
        yield world


@pytest.fixture(scope="module")
def queue() -> Iterator[World]:
    with hub_at(lambda: hub_with_queue(6)) as world:
        yield world


@pytest.fixture(scope="module")
def decided() -> Iterator[World]:
    with hub_at(hub_with_decisions) as world:
        yield world


def first_question(page: Page) -> None:
    page.locator("[data-row]").first.click()
    expect(page.locator(".compare")).to_be_visible()


def escalated_question(page: Page) -> None:
    first_question(page)
    page.get_by_label("Reason").fill("twins, perhaps")
    page.get_by_role("button", name="Escalate").click()
    expect(page.get_by_text("The question stays open for somebody senior.")).to_be_visible()
    page.get_by_role("link", name="Back to the list").click()
    page.get_by_role("link", name="Escalated").click()
    page.locator("[data-row]").first.click()
    expect(page.get_by_role("button", name="Give it back to everybody")).to_be_visible()


def key_sheet(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def who_looked(page: Page) -> None:
    page.get_by_label("Number issued by").select_option("NGH")
    page.get_by_label("Patient number").fill("0007")
    page.get_by_role("button", name="Show who looked").click()
    expect(page.get_by_role("region", name="Audit entries")).to_be_visible()


def all_asked(page: Page) -> None:
    page.get_by_role("button", name="Test all now").click()
    expect(page.get_by_role("status")).to_be_visible()


def nothing(page: Page) -> None:
    expect(page.locator("h1")).to_be_visible()


Act = Callable[[Page], None]
STATES: dict[str, tuple[str, Role | None, str, Act]] = {
    "sign in": ("morning", None, "/sign-in", nothing),
    "no such page": ("morning", Role.ADMIN, "/nothing/here", nothing),
    "not allowed": ("morning", Role.PHYSICIAN, "/queue", nothing),
    "queue": ("queue", Role.RECORDS, "/queue", nothing),
    "empty queue": ("morning", Role.RECORDS, "/queue", nothing),
    "question": ("queue", Role.RECORDS, "/queue", first_question),
    "escalated question": ("queue", Role.RECORDS, "/queue", escalated_question),
    "key sheet": ("queue", Role.RECORDS, "/queue", key_sheet),
    "quality": ("decided", Role.ADMIN, "/quality", nothing),
    "hospitals": ("morning", Role.SITE_ADMIN, "/sites", all_asked),
    "control room": ("morning", Role.ADMIN, "/control", nothing),
    "who looked": ("morning", Role.PRIVACY_OFFICER, "/access", who_looked),
}


def enter(page: Page, world: World, role: Role | None, path: str) -> None:
    hub, address = world
    if role is not None:
        sign_in(page, address, hub, role)
    page.goto(f"{address}{path}")


@pytest.mark.parametrize("state", STATES)
def test_a_page_is_accessible_in_both_themes_and_on_any_screen(
    state: str, new_page: NewPage, request: pytest.FixtureRequest
) -> None:
    world, role, path, act = STATES[state]
    page = new_page(color_scheme="light", reduced_motion="reduce")
    enter(page, request.getfixturevalue(world), role, path)
    act(page)
    assert_accessible(page, state)
