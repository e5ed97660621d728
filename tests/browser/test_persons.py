"""Records staff merge, split and take back with a preview, with a real browser."""

from __future__ import annotations

from contextlib import AbstractContextManager

from playwright.sync_api import Page, expect

from gateway.permissions import Role
from mpi.identity.identifiers import EnterpriseId
from mpi.usecases.merge_persons import MergePersons, merge_persons
from tests.browser.accessible import assert_accessible
from tests.browser.conftest import NewPage
from tests.browser.people import DEMO_WEB, beside, sign_in
from tests.browser.served import hub_at
from tests.builders import person, pid
from tests.integration.hub_world import Hub, answering


def hub_with_two_persons() -> Hub:
    """Two who have nothing in common but that staff know better, each with one record."""
    hub = Hub(answering("NGH"), answering("LKM"), web=DEMO_WEB)
    hub.index.register("NGH|20001", as_=person("Nakamura", "Hana", born="1961-07-04", sex="F"))
    hub.index.register("LKM|20002", as_=person("Lindqvist", "Hana", born="1961-07-04", sex="F"))
    return hub


def two_persons() -> AbstractContextManager[tuple[Hub, str]]:
    return hub_at(hub_with_two_persons)


def owner(hub: Hub, number: str) -> EnterpriseId:
    with hub.units() as uow:
        record = uow.records.get(pid(number))
        assert record is not None
        assert record.enterprise_id is not None
        return record.enterprise_id


def are_one(hub: Hub) -> bool:
    return owner(hub, "NGH|20001") == owner(hub, "LKM|20002")


def open_person(page: Page) -> None:
    page.get_by_role("link", name="Persons").click()
    page.get_by_label("Number issued by").select_option("NGH")
    page.get_by_label("Patient number").fill("20001")
    page.get_by_role("button", name="Show the person").click()
    expect(page.get_by_role("region", name="What is known")).to_be_visible()


def preview_merge(page: Page) -> None:
    merge = page.get_by_role("region", name="Merge with another person")
    merge.get_by_label("Number issued by").select_option("LKM")
    merge.get_by_label("Patient number").fill("20002")
    merge.get_by_label("Reason").fill("she married")
    page.get_by_role("button", name="Preview the merge").click()
    expect(page.get_by_text("Nothing is changed yet.")).to_be_visible()


def test_merge_split_and_take_back_each_with_a_preview(page: Page) -> None:
    with two_persons() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        open_person(page)
        preview_merge(page)
        now, after = page.get_by_role("region", name="Now · 2 persons"), page.get_by_role("region", name="After")
        expect(now).to_contain_text("Lindqvist")
        expect(after.get_by_role("listitem")).to_have_count(2)
        expect(after.get_by_role("listitem").filter(has_text="LKM 20002")).to_contain_text("comes here")
        assert not beside(are_one, hub)
        page.get_by_role("button", name="Merge the two persons").click()
        expect(page.get_by_role("status")).to_contain_text("Done.")
        assert beside(are_one, hub)

        page.get_by_role("checkbox", name="LKM 20002").check()
        page.get_by_role("button", name="Preview the split").click()
        expect(page.get_by_text("a new person")).to_be_visible()
        assert beside(are_one, hub)
        page.get_by_role("button", name="Split the person").click()
        expect(page.get_by_role("status")).to_contain_text("Done.")
        assert not beside(are_one, hub)

        page.get_by_role("button", name="Preview taking it back").first.click()
        expect(page.get_by_role("region", name="After · 1 person")).to_contain_text("LKM 20002")
        assert not beside(are_one, hub)
        page.get_by_role("button", name="Take the decision back").click()
        expect(page.get_by_role("status")).to_contain_text("Done.")
        assert beside(are_one, hub)
        assert "2000" not in page.url
        assert "Nakamura" not in page.title()


def test_leaving_a_preview_changes_nothing(page: Page) -> None:
    with two_persons() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        open_person(page)
        preview_merge(page)
        page.get_by_role("button", name="Leave it as it is").click()
        expect(page.get_by_text("Nobody has decided anything about these records.")).to_be_visible()
        assert not beside(are_one, hub)


def change_meanwhile(hub: Hub) -> None:
    hub.index.register("NGH|20001", as_=person("Nakamura", "Hannah", born="1961-07-04", sex="F"))


def test_a_stale_preview_is_refused_with_the_new_state(page: Page) -> None:
    with two_persons() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        open_person(page)
        preview_merge(page)
        beside(change_meanwhile, hub)
        page.get_by_role("button", name="Merge the two persons").click()
        expect(page.get_by_role("alert")).to_contain_text("A person changed since the preview.")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Hannah")
        assert not beside(are_one, hub)


def merge_elsewhere(hub: Hub) -> None:
    command = MergePersons(owner(hub, "NGH|20001"), owner(hub, "LKM|20002"), "clerk-two")
    with hub.units() as uow:
        merge_persons(command, uow=uow, matcher=hub.index.matcher, clock=hub.index.clock, new_id=hub.index.new_id)
        uow.commit()


def test_what_cannot_be_done_is_said(page: Page) -> None:
    with two_persons() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        open_person(page)
        merge = page.get_by_role("region", name="Merge with another person")
        merge.get_by_label("Patient number").fill("99999")
        page.get_by_role("button", name="Preview the merge").click()
        expect(page.get_by_role("alert")).to_contain_text("Nobody is known under the other number.")
        beside(merge_elsewhere, hub)
        open_person(page)
        page.get_by_role("button", name="Preview the split").click()
        expect(page.get_by_role("alert")).to_contain_text("Choose the records that leave")
        page.get_by_role("checkbox", name="LKM 20002").check()
        page.get_by_role("checkbox", name="NGH 20001").check()
        page.get_by_role("button", name="Preview the split").click()
        expect(page.get_by_role("alert")).to_contain_text("One record at least must stay.")


def test_every_state_is_accessible_in_both_themes_and_on_a_phone(new_page: NewPage) -> None:
    page = new_page(color_scheme="light", reduced_motion="reduce")
    with two_persons() as (hub, address):
        sign_in(page, address, hub, Role.RECORDS)
        page.goto(f"{address}/persons")
        assert_accessible(page, "search")
        open_person(page)
        assert_accessible(page, "person")
        preview_merge(page)
        assert_accessible(page, "preview")
        page.get_by_role("button", name="Merge the two persons").click()
        expect(page.get_by_role("status")).to_be_visible()
        assert_accessible(page, "merged")
