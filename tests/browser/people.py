"""People in front of a browser, and what they do with it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from playwright.sync_api import Page

from gateway.permissions import Role
from gateway.settings import WebSettings
from tests.integration.hub_world import Hub

DEMO_WEB = WebSettings(token_sign_in=True)

_P, _T = ParamSpec("_P"), TypeVar("_T")


def beside(act: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Do something in another thread: the browser's loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(act, *args, **kwargs).result()


def sign_in(page: Page, address: str, hub: Hub, *roles: Role, subject: str = "") -> None:
    """Sign in by pasting a token, as people do in the demo."""
    page.goto(f"{address}/sign-in")
    page.get_by_label("Token").fill(hub.issuer.token(*roles, subject=subject))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: not url.endswith("/sign-in"))
