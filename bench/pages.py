"""The pages in a browser, on the demo: first paint of queue and history at a quarter of the processor's speed, and how
long after the key a decision is on the screen. Baseline in the same run: the sign-in page, which asks nobody.

Times are read in the browser (``first-contentful-paint``; key to changed page), not around it.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from adapters.simulated.story import STORY
from bench.timings import summary
from gateway.demo.world import DemoWorld, demo_world, feed
from gateway.observability import configure_logging
from gateway.permissions import Role

SLOWDOWN = 4
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "15"))
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
WATCH = """() => { window.took = null;
  document.addEventListener('keydown', () => { window.began = performance.now(); }, {capture: true});
  new MutationObserver(() => requestAnimationFrame(() => { window.took ??= performance.now() - window.began; }))
    .observe(document.querySelector('main'), {childList: true}); }"""


def run() -> dict[str, object]:
    """Milliseconds."""
    configure_logging(io.StringIO())
    with tempfile.TemporaryDirectory() as name, demo_world(Path(name)) as world, sync_playwright() as playwright:
        _feed(world)
        browser = launched(playwright)
        results: dict[str, object] = {
            "slowdown": SLOWDOWN,
            "rounds": ROUNDS,
            "first_paint_sign_in_ms": summary([_paint(browser, world, None) for _ in range(ROUNDS)]),
            "first_paint_queue_ms": summary([_paint(browser, world, Role.RECORDS) for _ in range(ROUNDS)]),
            "first_paint_history_ms": summary([_paint(browser, world, Role.PHYSICIAN) for _ in range(ROUNDS)]),
            "key_to_decision_ms": summary(_decisions(browser, world, 1)),
            "key_to_decision_slowed_ms": summary(_decisions(browser, world, SLOWDOWN)),
        }
        browser.close()
    return results


def launched(playwright: Playwright) -> Browser:
    """The browser that is on this machine."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    return playwright.chromium.launch(executable_path=program, args=list(FLAGS))


def _feed(world: DemoWorld) -> None:
    thread = threading.Thread(target=lambda: asyncio.run(feed(world, lambda _: None)))
    thread.start()
    thread.join()


@contextmanager
def signed_in(browser: Browser, address: str, token: str | None, slowdown: int) -> Iterator[Page]:
    """A page of somebody who has signed in (``token`` ``None``: who has not), on a processor slowed so many times."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    if token is not None:
        if page.locator("summary").count():  # where there are other ways in, pasting a token stands behind them
            page.locator("summary").first.click()
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: not url.endswith("/sign-in"))
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    yield page
    context.close()


def _page(browser: Browser, world: DemoWorld, role: Role | None, slowdown: int) -> AbstractContextManager[Page]:
    return signed_in(browser, world.url, None if role is None else world.issuer.token(role), slowdown)


def first_paint(page: Page) -> float:
    """Milliseconds from the request of the page to its first contents, as the browser says."""
    page.wait_for_function(f"() => {_PAINT} !== undefined")
    return float(page.evaluate(_PAINT))


def keyed(page: Page, key: str) -> float | None:
    """Milliseconds from a key to what it changed, on a page that is watched; ``None``: another page came."""
    page.keyboard.press(key)
    page.wait_for_function("() => window.took !== null")
    took = page.evaluate("window.took")
    page.evaluate("window.took = null")
    return None if took is None else float(took)


def _paint(browser: Browser, world: DemoWorld, role: Role | None) -> float:
    with _page(browser, world, role, SLOWDOWN) as page:
        if role is Role.PHYSICIAN:
            page.get_by_label("Number issued by").select_option(STORY.marta_here.assigning_authority)
            page.get_by_label("Patient number").fill(STORY.marta_here.local_patient_id)
            page.get_by_role("button", name="Show imaging").click()
            page.wait_for_selector(".studies")
        else:
            page.goto(f"{world.url}/{'sign-in' if role is None else 'queue'}")
        return first_paint(page)


def _decisions(browser: Browser, world: DemoWorld, slowdown: int) -> list[float]:
    """Key ``x`` closes a question; the next one is on the screen."""
    times = []
    with _page(browser, world, Role.RECORDS, slowdown) as page:
        page.keyboard.press("Enter")
        page.wait_for_selector(".compare")
        page.wait_for_load_state()
        page.evaluate(WATCH)
        for _ in range(ROUNDS):
            took = keyed(page, "x")
            if took is None:  # that was the last question: the list came instead
                break
            times.append(took)
    return times


if __name__ == "__main__":
    print(run())
