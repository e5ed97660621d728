"""Records staff do the same to several questions, where that is safe, with a real browser."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from playwright.sync_api import Page, expect

from gateway.permissions import Role
from mpi.identity.review import ReviewDecision, ReviewItem
from mpi.usecases.claim_review_item import ClaimReviewItem, claim_review_item
from tests.browser.accessible import assert_accessible
from tests.browser.conftest import NewPage
from tests.browser.people import beside, sign_in
from tests.browser.served import hub_at
from tests.browser.test_queue import decided
from tests.browser.worlds import hub_with_queue
from tests.integration.hub_world import Hub


def open_items(hub: Hub) -> list[ReviewItem]:
    with hub.units() as uow:
        return list(uow.reviews.open_page(kinds=None, offset=0, limit=100).items)


def hub_with_rules() -> Hub:
    """Four questions. A hard rule says of two that they are two people, and of a third another one does."""
    hub = hub_with_queue(4)
    rules = (("household",), ("household", "namesake"), ("generation",), ("namesake",))
    items = open_items(hub)
    with hub.units() as uow:
        for item, guards in zip(items, rules, strict=True):
            uow.reviews.save(replace(item, guards=guards, priority=0, version=item.version + 1))
        uow.commit()
    return hub


def four_questions() -> AbstractContextManager[tuple[Hub, str]]:
    return hub_at(hub_with_rules)


def claim_elsewhere(hub: Hub, item_id: str) -> None:
    with hub.units() as uow:
        claim_review_item(ClaimReviewItem(item_id, "clerk-two"), uow=uow, clock=lambda: hub.now)
        uow.commit()


def choose(page: Page, hub: Hub, *guards: str) -> None:
    for item in beside(open_items, hub):
        if set(guards) & set(item.guards):
            page.locator(f".worklist [name=chosen][value^='{item.review_item_id} ']").check()


def take_it_all_back(page: Page) -> None:
    """By key, once the page's scripts are there."""
    page.wait_for_load_state()
    page.keyboard.press("z")


def claimed_by(hub: Hub) -> list[str | None]:
    return sorted((item.claimed_by for item in beside(open_items, hub)), key=str)


def test_several_are_taken_each_with_an_answer_and_given_back_together(page: Page) -> None:
    with four_questions() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS, subject="clerk-one")
        take = page.get_by_role("button", name="Take", exact=True)
        expect(take).to_be_disabled()
        page.get_by_label("Choose all").check()
        beside(claim_elsewhere, hub, beside(open_items, hub)[1].review_item_id)
        take.click()
        said = page.get_by_role("status").filter(has_text="Taken")
        expect(said).to_contain_text("3 questions · not done: 1")
        expect(said.get_by_role("listitem").filter(has_text="✗")).to_contain_text("Somebody else works on this")
        expect(said.get_by_role("listitem").filter(has_text="✓")).to_have_count(3)
        expect(page.locator("tbody .tag", has_text="you")).to_have_count(3)
        assert claimed_by(hub) == ["clerk-one", "clerk-one", "clerk-one", "clerk-two"]
        take_it_all_back(page)
        expect(page.get_by_role("status").filter(has_text="Taken back")).to_contain_text("3 questions")
        assert claimed_by(hub) == [None, None, None, "clerk-two"]


def test_several_are_escalated_with_one_reason_and_taken_back(page: Page) -> None:
    with four_questions() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        choose(page, hub, "household")
        page.get_by_role("button", name="Escalate").click()
        expect(page.get_by_role("alert")).to_contain_text("Write a reason first")
        choose(page, hub, "household")
        page.get_by_label("Reason").fill("a family, ask the ward")
        page.get_by_role("button", name="Escalate").click()
        expect(page.locator("tbody .tag", has_text="escalated")).to_have_count(2)
        reasons = [item.escalation_reason for item in beside(open_items, hub) if item.is_escalated]
        assert reasons == ["a family, ask the ward"] * 2
        take_it_all_back(page)
        expect(page.locator("tbody .tag", has_text="escalated")).to_have_count(0)
        assert not any(item.is_escalated for item in beside(open_items, hub))


def test_different_is_said_of_several_by_one_hard_rule_alone(page: Page) -> None:
    with four_questions() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        different = page.get_by_role("button", name="Different persons")
        choose(page, hub, "household")
        expect(different).to_be_enabled()
        choose(page, hub, "generation")
        expect(different).to_be_disabled()
        page.get_by_label("Choose all").check()
        page.get_by_label("Choose all").uncheck()
        choose(page, hub, "household")
        different.click()
        expect(page.get_by_role("status").filter(has_text="Different persons")).to_contain_text("2 questions")
        assert [item.decision for item in beside(decided, hub)] == [ReviewDecision.DIFFERENT] * 2
        expect(page.locator(".worklist [name=chosen]")).to_have_count(2)
        take_it_all_back(page)
        expect(page.get_by_role("status").filter(has_text="Taken back")).to_contain_text("2 questions")
        assert beside(decided, hub) == []
        expect(page.locator(".worklist [name=chosen]")).to_have_count(4)


def test_questions_are_chosen_by_key(page: Page) -> None:
    with four_questions() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        expect(page.locator("[data-row]").first).to_be_visible()
        for key in ("j", "v", "j", "v"):
            page.keyboard.press(key)
        expect(page.locator(".worklist [name=chosen]:checked")).to_have_count(2)
        expect(page.locator("[data-count]")).to_have_text("2")
        page.keyboard.press("v")
        expect(page.locator(".worklist [name=chosen]:checked")).to_have_count(1)


def test_several_are_accessible_in_both_themes_and_on_a_phone(new_page: NewPage) -> None:
    page = new_page(color_scheme="light", reduced_motion="reduce")
    with four_questions() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        choose(page, hub, "household")
        assert_accessible(page, "chosen")
        page.get_by_role("button", name="Take", exact=True).click()
        expect(page.get_by_role("status").filter(has_text="Taken")).to_be_visible()
        assert_accessible(page, "taken")
        page.get_by_label("Choose all").check()
        page.get_by_role("button", name="Escalate").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert_accessible(page, "refused")
