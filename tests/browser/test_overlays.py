"""Records staff find two people in one record, hold it and release it, with a real browser."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Page, expect

from gateway.permissions import Role
from mpi.identity.review import ReviewKind
from mpi.usecases.open_review import open_review
from tests.browser.accessible import assert_accessible
from tests.browser.conftest import NewPage
from tests.browser.people import DEMO_WEB, beside, sign_in
from tests.browser.served import hub_at
from tests.builders import person, pid
from tests.integration.hub_world import Hub, answering

HANA = person("Nakamura", "Hana", middle="Rei", born="1961-07-04", sex="F", phone="202-555-0134",
              street="12 Mill Road", ssn_last4="4821")  # fmt: skip
HELD = "LKM|20002"


def hub_with_suspicion() -> Hub:
    """One person with two records; an archive's answer raised a question about the second, and another one waits."""
    hub = Hub(answering("NGH"), answering("LKM"), web=DEMO_WEB)
    for number in ("NGH|20001", HELD):
        hub.index.register(number, as_=HANA)
    assert hub.index.are_one("NGH|20001", HELD)
    hub.index.register("RDI|9", as_=person("Okonkwo", "Chidi", born="1975-01-03", sex="M"))
    with hub.units() as uow:
        for left, right, priority in ((HELD, "NGH|20001", 1), ("RDI|9", "RDI|9", 0)):
            open_review(
                ReviewKind.SUSPECTED_OVERLAY, pid(left), pid(right), source="archive:LKM", uow=uow,
                clock=hub.index.clock, new_id=hub.index.new_id, priority=priority,
            )  # fmt: skip
        uow.commit()
    return hub


def a_suspicion() -> AbstractContextManager[tuple[Hub, str]]:
    return hub_at(hub_with_suspicion)


def are_one(hub: Hub) -> bool:
    return hub.index.are_one("NGH|20001", HELD)


def open_first(page: Page) -> None:
    """The page of the question, its scripts at work."""
    page.keyboard.press("Enter")
    expect(page.locator(".compare")).to_contain_text("20002")
    page.wait_for_load_state()


def hold_by_keyboard(page: Page) -> None:
    """Open the most urgent question, write the reason, say which record."""
    open_first(page)
    page.keyboard.press("r")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("two voices in 1 record")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    expect(page.get_by_role("status").filter(has_text="Possible overlay")).to_be_visible()


def test_a_clerk_holds_a_record_by_keyboard_and_takes_it_back(page: Page) -> None:
    with a_suspicion() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS, subject="clerk-one")
        expect(page.get_by_text("2 open questions")).to_be_visible()
        hold_by_keyboard(page)
        assert not beside(are_one, hub)
        beside(lambda: hub.index.register(HELD, as_=HANA))
        assert not beside(are_one, hub)
        page.keyboard.press("z")
        expect(page.get_by_role("alert")).to_contain_text("Nothing was taken back.")
        page.get_by_role("button", name="Take it back all the same").click()
        expect(page.get_by_text("The decision was taken back.")).to_be_visible()
        expect(page.locator(".compare")).to_contain_text("20002")
        assert beside(are_one, hub)


def test_the_question_is_gone_and_undo_brings_it_back(page: Page) -> None:
    with a_suspicion() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        hold_by_keyboard(page)
        assert [right for *_, right in beside(hub.index.open_items)] == ["RDI|9"]
        page.keyboard.press("z")
        expect(page.get_by_text("The decision was taken back.")).to_be_visible()
        assert len(beside(hub.index.open_items)) == 2
        assert beside(are_one, hub)


def test_without_a_reason_nothing_is_held(page: Page) -> None:
    with a_suspicion() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        open_first(page)
        page.keyboard.press("1")
        expect(page.get_by_role("alert")).to_contain_text("Write a reason first")
        assert beside(are_one, hub)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("possible overlay")


def test_held_records_are_listed_and_released(page: Page) -> None:
    with a_suspicion() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS, subject="clerk-one")
        hold_by_keyboard(page)
        page.get_by_role("link", name="Back to the list").click()
        page.get_by_role("link", name="Held records").click()
        expect(page.get_by_text("1 record is held.")).to_be_visible()
        held = page.get_by_role("region", name="Nakamura, Hana LKM 20002")
        expect(held).to_contain_text("two voices in 1 record")
        expect(held).to_contain_text("clerk-one")
        beside(lambda: hub.index.register(HELD, as_=person("Nakamura", "Hana", born="1961-07-04", street="9 Elm St")))
        held.get_by_label("Reason").fill("it was a typing error")
        held.get_by_role("button", name="Release the record").click()
        expect(page.get_by_role("alert")).to_contain_text("The record changed since it was shown to you.")
        beside(lambda: hub.index.register(HELD, as_=HANA))
        page.goto(f"{address}/persons/held")
        page.get_by_role("button", name="Release the record").click()
        expect(page.get_by_role("status")).to_contain_text("Released.")
        expect(page.get_by_role("heading", name="No record is held")).to_be_visible()
        assert beside(are_one, hub)
        page.get_by_role("button", name="Show the person, or take it back").click()
        expect(page.get_by_role("region", name="Decisions of staff")).to_contain_text("Held record released")


def test_another_role_sees_no_held_records(page: Page) -> None:
    with a_suspicion() as (hub, address):
        sign_in(page, address, hub, Role.PHYSICIAN)
        answer = page.goto(f"{address}/persons/held")
        assert answer is not None
        assert answer.status == 403


@pytest.mark.parametrize("place", ["question", "held"])
def test_the_pages_are_accessible_in_both_themes_and_on_any_screen(place: str, new_page: NewPage) -> None:
    with a_suspicion() as (hub, address):
        page = new_page(color_scheme="light", reduced_motion="reduce")
        sign_in(page, address, hub, Role.RECORDS)
        if place == "held":
            beside(hub.index.hold, HELD)
            page.goto(f"{address}/persons/held")
            expect(page.get_by_text("1 record is held.")).to_be_visible()
        else:
            page.keyboard.press("Enter")
            expect(page.get_by_role("group", name="Possible overlay")).to_be_visible()
        assert_accessible(page, place)
