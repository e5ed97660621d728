"""The pages when there is much to show: 10,000 open questions in the match queue, 500 studies of one patient.

In a browser slowed to a quarter: first paint, the key that closes a question until the next one is on the screen, and
how long a frame takes while somebody scrolls through the list. Baseline in the same run: `bench.pages` measures the
same on the demo, where there is little to show.

python -m bench.pages_large --questions 500    tries it out and records nothing
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.hub import database, make_hub
from bench.pages import ROUNDS, SLOWDOWN, WATCH, first_paint, keyed, launched, signed_in
from bench.patients import FACILITIES
from bench.stub_sites import identifier_at, stub_world
from bench.timings import summary
from gateway.cli.serving import bind
from gateway.observability import configure_logging
from gateway.permissions import Role
from gateway.serving import HubServer, ServerThread
from gateway.settings import WebSettings
from mpi.identity.patient_rows import COLUMNS

QUESTIONS, STUDIES = 10_000, 500
_SCROLL = """async () => { const frames = []; let last = performance.now();
  while (window.scrollY + window.innerHeight < document.documentElement.scrollHeight - 2) {
    window.scrollBy(0, 160);
    await new Promise(done => requestAnimationFrame(done));
    const now = performance.now(); frames.push(now - last); last = now; }
  return frames; }"""


def run(questions: int = QUESTIONS, studies: int = STUDIES) -> dict[str, object]:
    """Milliseconds."""
    configure_logging(io.StringIO())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, sync_playwright() as playwright:
        browser = launched(playwright)
        found = {
            "slowdown": SLOWDOWN,
            "rounds": ROUNDS,
            f"queue_of_{questions}": _queue(browser, Path(name), questions),
            f"history_of_{studies}": _history(browser, Path(name), studies),
        }
        browser.close()
    return found


def _queue(browser: Browser, folder: Path, questions: int) -> dict[str, object]:
    with database("postgresql", folder) as url:
        hub = make_hub(folder, url)
        hub.config.write_text(hub.config.read_text("utf-8") + "[web]\ntoken_sign_in = true\n", encoding="utf-8")
        _write_twins(folder / "records.csv", questions)
        hub.run("mpi", "load", folder / "records.csv")
        with hub.running("serve") as ready:
            hub.wait_for_background_work()
            address = f"http://127.0.0.1:{ready['http_port']}"
            paints = [_paint_queue(browser, address, hub.token) for _ in range(ROUNDS)]
            with signed_in(browser, address, hub.token, SLOWDOWN) as page:
                waiting = page.locator("h1 + p").inner_text()
                frames = page.evaluate(_SCROLL)
                page.keyboard.press("Enter")
                page.wait_for_selector(".compare")
                page.wait_for_load_state()
                page.evaluate(WATCH)
                decisions = [took for _ in range(ROUNDS) if (took := keyed(page, "x")) is not None]
    return {
        "waiting": waiting,
        "first_paint_ms": summary(paints),
        "key_to_decision_ms": summary(decisions),
        "scroll_frame_ms": summary(frames),
    }


def _paint_queue(browser: Browser, address: str, token: str) -> float:
    with signed_in(browser, address, token, SLOWDOWN) as page:
        page.goto(f"{address}/queue")
        return first_paint(page)


def _write_twins(path: Path, pairs: int) -> None:
    """Two records of perhaps one person each: the day and the month of birth changed places, another address."""
    with path.open("w", encoding="utf-8", newline="") as out:
        rows = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
        rows.writeheader()
        for number in range(pairs):
            letters = "".join(chr(97 + number // 26**place % 26) for place in range(3))
            born = (1930 + number % 70, 1 + number % 12, 1 + (number // 12) % 12)
            same = {"family": f"Quar{letters}stad", "given": f"Ola{letters[::-1]}ne", "sex": "F"}
            for site, (year, month, day) in zip(FACILITIES, (born, (born[0], born[2], born[1])), strict=False):
                rows.writerow(
                    {
                        **same,
                        "facility": site,
                        "mrn": f"{number:06d}",
                        "birth_date": f"{year}-{month:02d}-{day:02d}",
                        "street": f"{number + 1} {site.title()} Street",
                    }
                )


def _history(browser: Browser, folder: Path, studies: int) -> dict[str, object]:
    with _patient_with(folder, studies) as (address, token):
        paints = []
        for _ in range(ROUNDS):
            with signed_in(browser, address, token, SLOWDOWN) as page:
                _open_history(page)
                paints.append(first_paint(page))
                frames = page.evaluate(_SCROLL)
                shown = page.locator(".studies tbody tr").count()
    return {"shown": shown, "first_paint_ms": summary(paints), "scroll_frame_ms": summary(frames)}


@contextmanager
def _patient_with(folder: Path, studies: int) -> Iterator[tuple[str, str]]:
    (folder / "history").mkdir()
    with stub_world(folder / "history", sites=4, studies_each=studies // 4) as world:
        settings = world.hub.settings.model_copy(update={"web": WebSettings(token_sign_in=True)})
        listening = bind("127.0.0.1", 0)
        port = listening.getsockname()[1]
        with ServerThread(HubServer(replace(world.hub, settings=settings), listening)):
            yield f"http://127.0.0.1:{port}", world.issuer.token(Role.PHYSICIAN)


def _open_history(page: Page) -> None:
    person = identifier_at(0)
    page.get_by_label("Number issued by").select_option(person.assigning_authority)
    page.get_by_label("Patient number").fill(person.local_patient_id)
    page.get_by_role("button", name="Show imaging").click()
    page.wait_for_selector(".studies")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--studies", type=int, default=500)
    chosen = parser.parse_args()
    print(json.dumps(run(chosen.questions, chosen.studies), indent=2))
