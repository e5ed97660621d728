"""How the queue is worked on, with a real browser: the figures, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from gateway.permissions import Role
from tests.browser.people import sign_in
from tests.browser.served import hub_at
from tests.browser.worlds import hub_with_decisions
from tests.integration.hub_world import Hub


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Hub, str]]:
    with hub_at(hub_with_decisions) as world:
        yield world


def test_decisions_by_score_suggest_thresholds(page: Page, world: tuple[Hub, str]) -> None:
    hub, address = world
    sign_in(page, address, hub, Role.ADMIN)
    page.goto(f"{address}/quality")
    expect(page.locator(".tiles dd").first).to_have_text("1")
    bands = page.get_by_role("region", name="Decisions by score, as a table").locator("tbody tr")
    expect(bands).to_have_count(4)
    expect(bands.nth(1)).to_have_text("06900")
    expect(page.locator("svg rect")).to_have_count(6)
    expect(page.get_by_text("From 5 bits upwards staff nearly always said that they are one person")).to_be_visible()
    expect(page.get_by_text("Up to 0 bits staff nearly always said that they are two persons")).to_be_visible()


def test_administrators_see_each_clerk_and_clerks_themselves(page: Page, world: tuple[Hub, str]) -> None:
    hub, address = world
    sign_in(page, address, hub, Role.ADMIN)
    page.goto(f"{address}/quality?days=7")
    days = page.get_by_role("region", name="Decisions by day, as a table")
    expect(days.get_by_role("cell", name="clerk-two")).to_have_count(3)
    page.context.clear_cookies()
    sign_in(page, address, hub, Role.RECORDS, subject="clerk-one")
    page.goto(f"{address}/quality?days=7")
    expect(days.get_by_role("cell", name="clerk-one")).to_have_count(3)
    expect(days.get_by_role("cell", name="everybody else")).to_have_count(3)
    expect(page.get_by_text("clerk-two")).to_have_count(0)
