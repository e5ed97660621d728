"""The demo's identity provider and EHR, as somebody who tries it goes through them."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from adapters.simulated.story import STORY
from gateway.demo.world import DemoWorld, demo_world, feed


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoWorld]:
    folder: Path = tmp_path_factory.mktemp("demo")
    with demo_world(folder, people=20, studies=40) as running:
        asyncio.run(feed(running, lambda _: None))
        yield running


@pytest.fixture
def browser() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=30, follow_redirects=True) as client:
        yield client


def test_the_demos_ehr_opens_martas_history(world: DemoWorld, browser: httpx2.Client) -> None:
    assert "Marta Brandt" in browser.get(world.entrances.ehr.url).text
    page = browser.get(f"{world.entrances.ehr.url}/open/chart-0")
    assert page.status_code == 200
    assert str(page.url).startswith(f"{world.url}/history/launched/")
    assert "Brandt" in page.text
    assert f'name="number" value="{STORY.marta_here.local_patient_id}"' in html.unescape(page.text)
    assert browser.get(f"{world.entrances.ehr.url}/open/chart-new").status_code == 404


@pytest.mark.parametrize(("role", "first"), [("physician", "/history"), ("records", "/queue"), ("admin", "/control")])
def test_the_demos_provider_lets_each_role_in(world: DemoWorld, browser: httpx2.Client, role: str, first: str) -> None:
    chosen = browser.get(f"{world.url}/sign-in/provider")
    assert chosen.status_code == 200
    back = browser.post(
        f"{world.entrances.provider.issuer}/authorize", data=dict(chosen.url.params) | {"who": f"demo-{role}"}
    )
    assert (back.status_code, back.url.path) == (200, first)
