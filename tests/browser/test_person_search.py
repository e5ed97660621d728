"""Records staff find a person by name and birth date, and take one record out of a person, with a real browser."""

from __future__ import annotations

from contextlib import AbstractContextManager

from playwright.sync_api import Page, expect

from gateway.permissions import Role
from tests.browser.accessible import assert_accessible
from tests.browser.conftest import NewPage
from tests.browser.people import DEMO_WEB, beside, sign_in
from tests.browser.served import hub_at
from tests.builders import person
from tests.integration.hub_world import Hub, answering


def hub_with_namesakes() -> Hub:
    """Hana at three hospitals, linked by score, and somebody who is called alike."""
    hub = Hub(answering("NGH"), answering("LKM"), web=DEMO_WEB)
    hana = person("Nakamura", "Hana", born="1961-07-04", sex="F", phone="202-555-0134", street="1 Weaver Close")
    for number in ("NGH|20001", "LKM|20002", "RDI|20003"):
        hub.index.register(number, as_=hana)
    hub.index.register("NGH|20009", as_=person("Nakamori", "Hana", born="1961-07-05", sex="F"))
    return hub


def namesakes() -> AbstractContextManager[tuple[Hub, str]]:
    return hub_at(hub_with_namesakes)


def search(page: Page, family: str = "Nakamura", born: str = "1961-07-04") -> None:
    page.get_by_role("link", name="Persons").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Who is behind a number?")
    describe(page, family, born)


def describe(page: Page, family: str, born: str) -> None:
    page.get_by_label("Family name").fill(family)
    page.get_by_label("Given name").fill("Hana")
    page.get_by_label("Born").fill(born)
    page.get_by_role("button", name="Search").click()


def persons_of_hana(hub: Hub) -> int:
    return len({hub.index.person_of(n) for n in ("NGH|20001", "LKM|20002", "RDI|20003")})


def test_a_person_is_found_by_name_and_birth_date(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with namesakes() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        search(page)
        first = page.locator("tbody tr").first
        expect(first).to_contain_text("Nakamura, Hana")
        expect(first).to_contain_text("probable")
        expect(first).to_contain_text("LKM 20002")
        first.get_by_role("button", name="Show the person").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Nakamura, Hana")
        told = " ".join([*asked, page.title(), page.url]).lower()
        assert not any(word in told for word in ("nakamura", "1961", "20001"))
        (looked,) = [e for e in beside(hub.audit) if e.action == "searchPersons" and e.subject == owner(hub)]
        assert looked.actor


def owner(hub: Hub) -> str:
    return beside(hub.index.person_of, "NGH|20001")


def test_nobody_and_nonsense_are_told_apart(page: Page) -> None:
    with namesakes() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        search(page, family="Zimmermann", born="1931-12-24")
        expect(page.get_by_role("status")).to_contain_text("Nobody like this is known.")
        describe(page, "Nakamura", "04.07.1961")
        expect(page.get_by_role("alert")).to_contain_text("The birth date is not a date")
        expect(page.get_by_label("Family name")).to_have_value("Nakamura")


def test_a_record_is_taken_out_with_a_preview_and_brought_back(page: Page) -> None:
    with namesakes() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        search(page)
        page.locator("tbody tr").first.get_by_role("button", name="Show the person").click()
        page.get_by_role("button", name="Preview taking it out: LKM 20002").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("If this record is taken out")
        after = page.get_by_role("region", name="After · 2 persons")
        expect(after.get_by_role("listitem").filter(has_text="LKM 20002")).to_contain_text("comes here")
        expect(page.locator(".seen").filter(has_text="Go along:")).to_contain_text("not known")
        assert beside(persons_of_hana, hub) == 1
        page.get_by_label("Reason").fill("another Hana")
        page.get_by_role("button", name="Take the record out").click()
        expect(page.get_by_role("status")).to_contain_text("Done.")
        assert beside(persons_of_hana, hub) == 2
        decisions = page.get_by_role("region", name="Decisions of staff")
        expect(decisions).to_contain_text("Record unlinked")
        expect(decisions).to_contain_text("another Hana")
        page.get_by_role("button", name="Preview taking it back").click()
        page.get_by_role("button", name="Take the decision back").click()
        expect(page.get_by_role("status")).to_contain_text("Done.")
        assert beside(persons_of_hana, hub) == 1


def say_something_new(hub: Hub) -> None:
    hub.index.register("RDI|20003", as_=person("Nakamura", "Hana", born="1961-07-04", sex="F", street="2 Elm Row"))


def test_taking_out_of_a_person_that_changed_is_refused(page: Page) -> None:
    with namesakes() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        search(page)
        page.locator("tbody tr").first.get_by_role("button", name="Show the person").click()
        page.get_by_role("button", name="Preview taking it out: LKM 20002").click()
        expect(page.get_by_role("button", name="Take the record out")).to_be_visible()
        beside(say_something_new, hub)
        page.get_by_role("button", name="Take the record out").click()
        expect(page.get_by_role("alert")).to_contain_text("A person changed since the preview.")
        assert beside(persons_of_hana, hub) == 1


def test_search_and_preview_are_accessible_in_both_themes_and_on_a_phone(new_page: NewPage) -> None:
    page = new_page(color_scheme="light", reduced_motion="reduce")
    with namesakes() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        search(page)
        expect(page.locator("tbody tr").first).to_be_visible()
        assert_accessible(page, "found")
        page.locator("tbody tr").first.get_by_role("button", name="Show the person").click()
        expect(page.get_by_role("button", name="Preview taking it out: LKM 20002")).to_be_visible()
        assert_accessible(page, "person")
        page.get_by_role("button", name="Preview taking it out: LKM 20002").click()
        expect(page.get_by_role("button", name="Take the record out")).to_be_visible()
        assert_accessible(page, "preview")
