"""The page of docs/ehr-plugin.md, in a browser, on an origin of its own, against a hub."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gateway.permissions import Role
from gateway.settings import HttpSettings
from tests.integration.hub_world import Hub, answering, hub_of_ana, refusing, study
from tests.servers.http_app import served

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base's
        return


@contextmanager
def examples_served() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(EXAMPLES)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def ask(page: Page, origin: str, hub: Hub, address: str, *, token: str | None = None, number: str = "0007") -> None:
    page.goto(f"{origin}/plugin.html?hub=http://{address}")
    page.get_by_label("Token").fill(hub.issuer.token(Role.PLUGIN) if token is None else token)
    page.get_by_label("Hospital that issued the number").fill("NGH")
    page.get_by_label("Patient number").fill(number)
    page.get_by_label("Ordering site").fill("NGH")
    page.get_by_label("Examination").fill("CT ABDOMEN W CONTRAST")
    page.get_by_role("button", name="Check").click()


def test_the_page_shows_the_repeat_and_who_did_not_answer(page: Page) -> None:
    prior = study("2.999.1", "LKM|55", days_ago=2, description="CT ABD/PELVIS <b id=evil>W</b> CONTRAST")
    with examples_served() as origin:
        hub = hub_of_ana(answering("NGH"), answering("LKM", [prior]), refusing("RDI"),
                         http=HttpSettings(allowed_origins=(origin,)))  # fmt: skip
        with served(hub.app) as address:
            ask(page, origin, hub, address)
            expect(page.locator("#verdict")).to_contain_text("repeats")
            expect(page.locator("#prior li")).to_contain_text("<b id=evil>W</b>")
            expect(page.locator("#coverage")).to_contain_text("Did not answer: RDI Hospital")
            assert page.locator("#evil").count() == 0
            assert hub.issuer.token(Role.PLUGIN)[:20] not in page.url


@pytest.mark.parametrize(("number", "token", "said"), [
    ("nobody", None, "patient_not_found"),
    ("0007", "nonsense", "UNAUTHENTICATED"),
])  # fmt: skip
def test_the_page_says_why_nothing_was_checked(page: Page, number: str, token: str | None, said: str) -> None:
    with examples_served() as origin:
        hub = hub_of_ana(http=HttpSettings(allowed_origins=(origin,)))
        with served(hub.app) as address:
            ask(page, origin, hub, address, token=token, number=number)
            expect(page.locator("#verdict")).to_contain_text(said)


def test_a_page_that_is_not_listed_gets_nothing(page: Page) -> None:
    hub = hub_of_ana()
    with examples_served() as origin, served(hub.app) as address:
        ask(page, origin, hub, address)
        expect(page.locator("#verdict")).to_contain_text("Not checked")
        assert hub.audit() == []
