"""Every page: who may open it, forged forms, careful headers. What a browser shows is in ``tests/browser``."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response

from gateway.doors import DOORS, Knock
from gateway.permissions import ROLES_ALLOWED, Role
from gateway.settings import WebSettings
from gateway.web.routes import PAGES
from gateway.web.sessions import Session, SessionCookies
from mpi.audit import AuditOutcome
from tests.builders import NOON
from tests.integration.hub_world import SURNAME, Hub, hub_of_ana

WEB = WebSettings(token_sign_in=True)
SECRET = re.compile(r'name="csrf" value="([^"]+)"')
BEHIND_SIGN_IN = [page for page in PAGES if page.needs is not None]


def place(path: str) -> str:
    return re.sub(r"\{\w+\}", "nothing", path)


class Browser:
    """Cookies and forms, nothing else."""

    def __init__(self, hub: Hub) -> None:
        self._client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=hub.app, raise_app_exceptions=False), base_url="http://hub.example"
        )

    async def secret(self) -> str:
        answer = await self._client.get("/sign-in")
        if answer.status_code != 200:  # signed in: any page that asks nothing
            answer = await self._client.get("/nowhere")
        found = SECRET.search(answer.text)
        assert found is not None
        return found.group(1)

    async def sign_in(self, token: str) -> httpx2.Response:
        return await self.post("/sign-in", token=token)

    async def get(self, path: str) -> httpx2.Response:
        return await self._client.get(path)

    async def post(self, path: str, *, headers: dict[str, str] | None = None, **fields: str) -> httpx2.Response:
        data = {"csrf": await self.secret(), **fields}
        return await self._client.post(path, data=data, headers=headers or {})

    async def request(self, method: str, path: str, **how: Any) -> httpx2.Response:
        return await self.post(path, **how) if method == "POST" else await self.get(path)

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()


def test_each_page_is_a_row_of_the_table_of_doors() -> None:
    assert all(f"{page.method} {page.path}" in DOORS for page in PAGES)
    needed = {what for knock, what in DOORS.values() if knock is Knock.SESSION}
    assert needed <= set(ROLES_ALLOWED)


@pytest.mark.parametrize("page", BEHIND_SIGN_IN, ids=lambda page: f"{page.method} {page.path}")
def test_a_page_opens_for_the_roles_of_its_operation_alone(page: Any) -> None:
    hub = hub_of_ana(web=WEB)

    async def walk() -> None:
        async with Browser(hub) as stranger:
            answer = await stranger.request(page.method, place(page.path))
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        for role in Role:
            async with Browser(hub) as browser:
                await browser.sign_in(hub.issuer.token(role))
                answer = await browser.request(page.method, place(page.path))
                is_refused = answer.status_code == 403
                assert is_refused is (role not in ROLES_ALLOWED[page.needs]), f"{role}: {answer.status_code}"
                assert answer.status_code != 500
                if is_refused:
                    assert (hub.audit()[-1].action, hub.audit()[-1].outcome) == (page.needs, AuditOutcome.REFUSED)

    asyncio.run(walk())


@pytest.mark.parametrize("page", [p for p in PAGES if p.method == "POST"], ids=lambda page: page.path)
def test_a_form_that_is_not_ours_changes_nothing(page: Any) -> None:
    hub = hub_of_ana(web=WEB)

    async def walk() -> None:
        async with Browser(hub) as browser:
            await browser.sign_in(hub.issuer.token(*Role))
            before = len(hub.audit())
            for forged in ({"csrf": ""}, {"csrf": "guessed"}):
                assert (await browser.post(place(page.path), **forged)).status_code == 403
            answer = await browser.post(place(page.path), headers={"Sec-Fetch-Site": "cross-site"})
            assert answer.status_code == 403
            assert len(hub.audit()) == before

    asyncio.run(walk())


def test_every_answer_of_the_pages_keeps_browsers_careful() -> None:
    hub = hub_of_ana(web=WEB)

    async def walk() -> None:
        async with Browser(hub) as browser:
            await browser.sign_in(hub.issuer.token(*Role))
            for path in ("/sign-in", "/queue", "/history", "/control", "/nowhere/at/all"):
                headers = (await browser.get(path)).headers
                policy = headers["content-security-policy"]
                assert "script-src 'self'" in policy
                assert "unsafe" not in policy
                assert "frame-ancestors 'none'" in policy
                assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")

    asyncio.run(walk())


def test_nothing_is_inline_in_any_page() -> None:
    hub = hub_of_ana(web=WEB)

    async def walk() -> None:
        async with Browser(hub) as browser:
            await browser.sign_in(hub.issuer.token(*Role))
            for path in ("/queue", "/history", "/control", "/access", "/sites"):
                text = (await browser.get(path)).text
                assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|javascript:", text), path
                assert not re.search(r'(?:src|href)="https?:', text), path

    asyncio.run(walk())


def test_a_session_ends_when_nobody_uses_it_and_cannot_be_made_up() -> None:
    cookies = SessionCookies(WEB)
    response = Response()
    cookies.write(response, asked_with(""), Session.fresh(NOON).signed_in("a-token", NOON), NOON)
    sealed = response.headers["set-cookie"].partition(";")[0]
    assert "a-token" not in sealed
    assert cookies.read(asked_with(sealed), NOON + dt.timedelta(minutes=29)).token == "a-token"
    assert cookies.read(asked_with(sealed), NOON + dt.timedelta(minutes=30)).token == ""
    assert cookies.read(asked_with(sealed[:-6] + "AAAA=="), NOON).token == ""
    assert SessionCookies(WEB).read(asked_with(sealed), NOON).token == "", "another key opens nothing"


def test_cookies_are_secure_behind_https() -> None:
    cookies = SessionCookies(WebSettings(public_url="https://hub.example"))
    response = Response()
    cookies.write(response, asked_with(""), Session.fresh(NOON), NOON)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-priorlink=")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"))


def asked_with(cookie: str) -> Request:
    headers = [(b"host", b"hub.example"), (b"cookie", cookie.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers})


def test_an_error_of_ours_says_nothing_but_its_number() -> None:
    hub = hub_of_ana(web=WEB)
    answer = hub.request("GET", "/nowhere", headers={"Accept-Language": "de"})
    assert (answer.status_code, "Keine solche Seite" in answer.text) == (404, True)
    assert SURNAME not in answer.text
