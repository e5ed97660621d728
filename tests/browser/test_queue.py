"""Records staff at the match queue, with a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from playwright.sync_api import Page, expect

from gateway.permissions import Role
from mpi.identity.review import ReviewDecision, ReviewItem, ReviewStatus
from mpi.usecases.decide_review import DecideReview, decide_review
from mpi.usecases.escalate_review import EscalateReview, escalate_review
from tests.browser.conftest import NewPage
from tests.browser.people import beside, sign_in
from tests.browser.served import served
from tests.browser.worlds import hub_with_queue
from tests.builders import pid
from tests.integration.hub_world import Hub


@contextmanager
def a_queue_of(questions: int) -> Iterator[tuple[Hub, str]]:
    hub = beside(hub_with_queue, questions)
    with served(hub.app) as address:
        yield hub, address


def decided(hub: Hub) -> list[ReviewItem]:
    """Every question of the world that is decided."""
    sides = [pid(f"{site}|{number}") for number in range(10400, 10420) for site in ("NGH", "LKM")]
    with hub.units() as uow:
        return list(uow.reviews.decided_about(sides))


def heading(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Are these the same person?")


def shown_item(page: Page) -> str:
    """Its id, once the page's scripts are there: keys do nothing before."""
    heading(page)
    page.wait_for_load_state()
    action = page.locator("form[action$='/decide']").get_attribute("action")
    assert action is not None
    return action.split("/")[2]


def decide_with(page: Page, key: str) -> None:
    """Press the key and wait until another question, or the list, is there."""
    before = shown_item(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "id => !document.querySelector(`form[action='/queue/${id}/decide']`) && document.querySelector('h1')",
        arg=before,
    )


def test_a_clerk_clears_ten_items_by_keyboard_only(page: Page) -> None:
    with a_queue_of(10) as (hub, address):
        sign_in(page, address, hub, Role.RECORDS, subject="clerk-one")
        expect(page.get_by_text("10 open questions")).to_be_visible()
        page.keyboard.press("Enter")
        for key in ("s", "d", "s", "x", "d", "s", "d", "s", "d"):
            decide_with(page, key)
        heading(page)
        page.keyboard.press("r")
        page.keyboard.type("letters such as s and d decide nothing here")
        page.keyboard.press("Escape")
        page.keyboard.press("d")
        expect(page.get_by_role("heading", name="The queue is empty")).to_be_visible()
        made = decided(hub)
        assert sorted(i.decision.name for i in made if i.decision) == ["DIFFERENT"] * 5 + ["DISMISSED"] + ["SAME"] * 4
        assert {i.decided_by for i in made} == {"clerk-one"}
        assert [i.decision_reason for i in made if i.decision_reason] == ["letters such as s and d decide nothing here"]


def test_the_most_urgent_question_comes_first(page: Page) -> None:
    with a_queue_of(5) as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        first = page.locator("tbody tr").first
        expect(first).to_contain_text("urgent")
        page.keyboard.press("Enter")
        expect(page.locator(".head")).to_contain_text("urgent")


def test_two_clerks_never_work_on_the_same_item(new_page: NewPage) -> None:
    with a_queue_of(2) as (hub, address):
        one, two, three = new_page(), new_page(), new_page()
        for page, who in ((one, "clerk-one"), (two, "clerk-two"), (three, "clerk-three")):
            sign_in(page, address, hub, Role.RECORDS, subject=who)
        one.keyboard.press("Enter")
        two.keyboard.press("Enter")
        item = shown_item(one)
        assert shown_item(two) != item
        three.keyboard.press("Enter")
        expect(three.get_by_text("Nothing is left for you.")).to_be_visible()
        three.goto(f"{address}/queue/{item}")
        expect(three.get_by_text("clerk-one has taken this question.")).to_be_visible()
        expect(three.get_by_role("button", name="Same person")).to_have_count(0)


def test_the_last_decision_can_be_taken_back(page: Page) -> None:
    with a_queue_of(2) as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        page.keyboard.press("Enter")
        item = shown_item(page)
        decide_with(page, "s")
        assert [i.decision for i in decided(hub)] == [ReviewDecision.SAME]
        page.keyboard.press("z")
        expect(page.get_by_text("The decision was taken back.")).to_be_visible()
        assert shown_item(page) == item
        assert decided(hub) == []


def test_a_decision_is_not_taken_back_over_a_newer_state_unseen(page: Page) -> None:
    with a_queue_of(2) as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        page.keyboard.press("Enter")
        item = shown_item(page)
        decide_with(page, "s")
        beside(move_house, hub, item)
        page.keyboard.press("z")
        expect(page.get_by_role("alert")).to_contain_text("Nothing was taken back.")
        expect(page.locator(".compare")).to_contain_text("77 Harbour View")
        assert [i.decision for i in decided(hub)] == [ReviewDecision.SAME]
        page.get_by_role("button", name="Take it back all the same").click()
        expect(page.get_by_text("The decision was taken back.")).to_be_visible()
        assert shown_item(page) == item
        assert decided(hub) == []


def move_house(hub: Hub, item_id: str) -> None:
    """The hospital of one side says something new of its patient."""
    with hub.units() as uow:
        item = uow.reviews.get(item_id)
        assert item is not None
        record = uow.records.get(item.left)
        assert record is not None
    said = record.demographics
    hub.index.register(str(item.left), as_=replace(said, address=replace(said.address, street="77 Harbour View")))


def test_a_stale_decision_is_refused_with_the_new_state(page: Page) -> None:
    with a_queue_of(2) as (hub, address):
        sign_in(page, address, hub, Role.RECORDS, subject="clerk-one")
        page.goto(f"{address}/queue")
        page.locator("[data-row]").first.click()
        item = shown_item(page)
        beside(decide_elsewhere, hub, item)
        page.keyboard.press("s")
        expect(page.get_by_role("alert")).to_contain_text("Nothing was decided.")
        expect(page.get_by_text(re.compile("Different persons · clerk-two"))).to_be_visible()
        (made,) = decided(hub)
        assert (made.decided_by, made.status) == ("clerk-two", ReviewStatus.DECIDED)


def decide_elsewhere(hub: Hub, item_id: str) -> None:
    with hub.units() as uow:
        item = uow.reviews.get(item_id)
        assert item is not None
        command = DecideReview(item_id, item.version, ReviewDecision.DIFFERENT, "clerk-two", "")
        decide_review(command, uow=uow, matcher=hub.index.matcher, clock=hub.index.clock, new_id=hub.index.new_id)
        uow.commit()


def test_a_hard_question_goes_to_somebody_senior_and_back(page: Page) -> None:
    with a_queue_of(2) as (hub, address):
        sign_in(page, address, hub, Role.RECORDS, subject="clerk-one")
        page.keyboard.press("Enter")
        item = shown_item(page)
        page.keyboard.press("e")
        expect(page.get_by_role("alert")).to_contain_text("Write a reason first")
        assert shown_item(page) == item
        hand_on(page, "twins, perhaps")
        expect(page.get_by_text("The question stays open for somebody senior.")).to_be_visible()
        assert shown_item(page) != item
        page.keyboard.press("z")
        expect(page.get_by_text("The question is no longer escalated.")).to_be_visible()
        assert shown_item(page) == item
        hand_on(page, "twins, surely")
        expect(page.get_by_text("The question stays open for somebody senior.")).to_be_visible()
        decide_with(page, "d")
        expect(page.get_by_text("Nothing is left for you.")).to_be_visible()


def hand_on(page: Page, reason: str) -> None:
    page.keyboard.press("r")
    page.keyboard.type(reason)
    page.keyboard.press("Escape")
    page.keyboard.press("e")


def test_somebody_senior_works_down_what_was_escalated(page: Page) -> None:
    with a_queue_of(3) as (hub, address):
        beside(escalate_elsewhere, hub, 2)
        sign_in(page, address, hub, Role.RECORDS, subject="senior")
        expect(page.locator("tbody .tag", has_text="escalated")).to_have_count(2)
        page.get_by_role("link", name="Escalated").click()
        expect(page.locator(".worklist tbody tr")).to_have_count(2)
        page.keyboard.press("Enter")
        expect(page.get_by_text("„too hard“")).to_be_visible()
        decide_with(page, "d")
        expect(page.get_by_text("„too hard“")).to_be_visible()
        decide_with(page, "d")
        expect(page.get_by_text("Nothing is left for you.")).to_be_visible()
        expect(page.get_by_role("link", name="Escalated")).to_have_attribute("aria-current", "true")
        assert [i.escalated_by for i in decided(hub)] == ["clerk-two"] * 2


def escalate_elsewhere(hub: Hub, questions: int) -> None:
    with hub.units() as uow:
        for item in uow.reviews.open_page(kinds=None, offset=0, limit=questions).items:
            command = EscalateReview(item.review_item_id, item.version, "clerk-two", "too hard")
            escalate_review(command, uow=uow, clock=hub.index.clock)
        uow.commit()


def test_the_key_sheet_opens_and_closes(page: Page) -> None:
    with a_queue_of(2) as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
        page.keyboard.press("j")
        page.keyboard.press("j")
        expect(page.locator("[data-row]").nth(1)).to_be_focused()
        page.keyboard.press("Enter")
        heading(page)


def test_the_waterfall_adds_up_to_the_score(page: Page) -> None:
    with a_queue_of(1) as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        page.keyboard.press("Enter")
        heading(page)
        steps = page.locator(".waterfall .value:not(.total)").all_text_contents()
        total = page.locator(".waterfall .value.total").text_content() or ""
        assert abs(sum(map(_number, steps)) - _number(total)) < 0.05 * len(steps)
        assert total == page.locator(".compare tfoot .number").inner_text()


def _number(shown: str) -> float:
    return float(shown.replace("\u2212", "-"))


def test_nothing_of_a_patient_is_in_addresses_titles_or_the_browsers_stores(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with a_queue_of(3) as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        page.keyboard.press("Enter")
        decide_with(page, "s")
        decide_with(page, "d")
        told = " ".join([*asked, page.title(), page.url]).lower()
        assert not any(word in told for word in ("nakamura", "okonkwo", "petrov", "10400", "10401", "10402"))
        assert all(url.startswith(address) for url in asked), "no third party is asked"
        kept = page.evaluate("JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])")
        assert re.fullmatch(r'\[\[\],\[\["htmx-current-path-for-history","/queue/[^"]*"\]\]\]', kept), (
            "an address alone"
        )
