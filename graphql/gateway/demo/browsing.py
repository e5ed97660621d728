"""Somebody at the pages without a browser: enough of one to sign in and send a form."""

from __future__ import annotations

import html
import re

import httpx2

_FORM_SECRET = re.compile(r'name="csrf" value="([^"]+)"')


class Visitor:
    """Keeps cookies, sends forms with the page's own secret."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url, timeout=30, trust_env=False, follow_redirects=True)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def sign_in(self, token: str) -> str:
        """Sign in by pasting a token; the first page of the role."""
        return self.send("/sign-in", "/sign-in", token=token)

    def send(self, page: str, address: str, **fields: str) -> str:
        """Open a page and send a form of it; the text of the page that follows, entities resolved."""
        secret = _FORM_SECRET.search(self._client.get(page).text)
        answer = self._client.post(address, data={**fields, "csrf": secret.group(1) if secret else ""})
        return html.unescape(answer.text)
