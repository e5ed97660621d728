"""Pictures of every page and state, in both themes and on a phone: ``python -m tests.browser.screenshots [FOLDER]``.

Two of them are in the README and lie in ``docs/images``; ``--docs`` writes those anew.
"""

from __future__ import annotations

import argparse
import io
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from gateway.observability import configure_logging
from gateway.permissions import Role
from tests.browser import test_past, test_several
from tests.browser.conftest import FLAGS
from tests.browser.people import DEMO_WEB
from tests.browser.served import hub_at
from tests.browser.test_accessible import STATES, enter, first_question
from tests.browser.test_control import hub_after_a_morning
from tests.browser.test_history import find, late
from tests.browser.worlds import hub_with_decisions, hub_with_queue
from tests.integration.hub_world import Hub, answering, hub_of_ana, refusing, study
from tests.integration.sign_in_world import running_servers, sign_in_world
from tests.servers import http_app
from tests.servers.http_app import Later

DOCS = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}
WHAT = ("CT ABD/PELVIS W CONTRAST", "XR KNEE LEFT")
AGES = (3, 41, 44, 120, 190, 260, 420, 610, 980, 1_500, 1_900, 2_600)


def hub_with_history() -> Hub:
    """Ana has a dozen studies at two hospitals; the third refuses connections."""
    here = [study(f"2.999.7.{n}", "NGH|0007", days_ago=age, description=WHAT[n % 2]) for n, age in enumerate(AGES)]
    there = [study(f"2.999.8.{n}", "LKM|55", days_ago=age + 9) for n, age in enumerate(AGES[::3])]
    return hub_of_ana(answering("NGH", here), answering("LKM", there), refusing("RDI"), web=DEMO_WEB)


def hub_with_late_answer() -> Hub:
    """One of Ana's hospitals answers when it is too late."""
    return hub_of_ana(answering("NGH"), late("RDI", threading.Event()), web=DEMO_WEB)


def check_an_order(page: Page) -> None:
    """The verdict on a CT that was done three days ago."""
    page.get_by_label("Examination").fill("CT abdomen with contrast")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".verdict")).to_be_visible()


@contextmanager
def opened(browser: Browser, theme: str, size: str) -> Iterator[Page]:
    """A page of a browser context of its own."""
    context = browser.new_context(
        color_scheme="dark" if theme == "dark" else "light",
        viewport={**SIZES[size]},  # type: ignore[typeddict-item]
        locale="en-GB",
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


def take(browser: Browser, folder: Path) -> None:
    """Every state, theme and size as ``folder/state-theme-size.png``."""
    with ExitStack() as stack:
        ana, ana_address = stack.enter_context(hub_at(hub_with_history))
        waiting, waiting_address = stack.enter_context(hub_at(hub_with_late_answer))
        for theme in ("light", "dark"):
            for size in SIZES:
                _take_states(browser, folder, theme, size)
                with opened(browser, theme, size) as page:
                    find(page, ana_address, ana)
                    expect(page.locator(".coverage .note.danger")).to_be_visible()
                    _shoot(page, folder / f"history-{theme}-{size}.png")
                    check_an_order(page)
                    _shoot(page, folder / f"verdict-{theme}-{size}.png")
                with opened(browser, theme, size) as page:
                    find(page, waiting_address, waiting)
                    _shoot(page, folder / f"history_waiting-{theme}-{size}.png")


def _take_states(browser: Browser, folder: Path, theme: str, size: str) -> None:
    """In worlds of their own: a clerk has in hand what they took in the picture before."""
    with ExitStack() as stack:
        makers = {"morning": hub_after_a_morning, "queue": lambda: hub_with_queue(12), "decided": hub_with_decisions}
        worlds = {name: stack.enter_context(hub_at(make)) for name, make in makers.items()}
        for state, (world, role, path, act) in STATES.items():
            with opened(browser, theme, size) as page:
                enter(page, worlds[world], role, path)
                act(page)
                _shoot(page, folder / f"{state.replace(' ', '_')}-{theme}-{size}.png")


def take_for_docs(browser: Browser) -> None:
    """The two pictures of the README."""
    DOCS.mkdir(parents=True, exist_ok=True)
    with hub_at(lambda: hub_with_queue(12)) as (queue, address), opened(browser, "light", "desktop") as page:
        world, role, path, _ = STATES["question"]
        assert world == "queue"
        enter(page, (queue, address), role, path)
        first_question(page)
        page.screenshot(path=DOCS / "queue.png")
    with hub_at(hub_with_history) as (ana, address), opened(browser, "light", "desktop") as page:
        find(page, address, ana)
        expect(page.locator(".coverage .note.danger")).to_be_visible()
        check_an_order(page)
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(
            path=DOCS / "timeline.png", full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": 1180}
        )


def take_records(browser: Browser, folder: Path) -> None:
    """What was said before, which examinations follow, and several questions at once."""
    with ExitStack() as stack:
        past, address = stack.enter_context(test_past.a_past())
        several, there = stack.enter_context(test_several.four_questions())
        for theme in ("light", "dark"):
            for size in SIZES:
                with opened(browser, theme, size) as page:
                    enter(page, (past, address), Role.RECORDS, "/queue")
                    test_past.first_question(page)
                    page.keyboard.press("h")
                    _shoot(page, folder / f"question_with_past-{theme}-{size}.png")
                    test_past.open_person(page, address)
                    _shoot(page, folder / f"person_with_past-{theme}-{size}.png")
                    test_past.preview_merge(page)
                    _shoot(page, folder / f"preview_with_examinations-{theme}-{size}.png")
                with opened(browser, theme, size) as page:
                    enter(page, (several, there), Role.RECORDS, "/queue")
                    test_several.choose(page, several, "household")
                    _shoot(page, folder / f"several_chosen-{theme}-{size}.png")


def take_entrances(browser: Browser, folder: Path) -> None:
    """Signing in at a provider, and launches that fail."""
    with ExitStack() as stack:
        later = Later()
        address = f"http://{stack.enter_context(http_app.served(later))}"
        world = sign_in_world(stack.enter_context(running_servers()), public=address)
        later.app = world.hub.app
        states = {
            "sign_in_at_provider": f"{address}/sign-in",
            "ehr_not_listed": f"{address}/launch?iss=https://elsewhere.example&launch=x",
            "launch_two_persons": f"{world.ehr.url}/open/two",
            "launch_unknown_patient": f"{world.ehr.url}/open/stranger",
            "launched": f"{world.ehr.url}/open/ana-7",
        }
        for theme in ("light", "dark"):
            for size in SIZES:
                for state, start in states.items():
                    with opened(browser, theme, size) as page:
                        page.goto(start)
                        expect(page.locator("h1")).to_be_visible()
                        _shoot(page, folder / f"{state}-{theme}-{size}.png")


def _shoot(page: Page, path: Path) -> None:
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=path, full_page=True)


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("var/screenshots"))
    parser.add_argument("--docs", action="store_true")
    asked = parser.parse_args()
    configure_logging(io.StringIO())
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        if asked.docs:
            take_for_docs(browser)
        else:
            asked.folder.mkdir(parents=True, exist_ok=True)
            take(browser, asked.folder)
            take_records(browser, asked.folder)
            take_entrances(browser, asked.folder)
        browser.close()


if __name__ == "__main__":
    main()
