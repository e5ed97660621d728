"""A hub with an identity provider and an EHR, both real servers on loopback, and somebody with a browser."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from adapters.simulated.authorization_server import RegisteredClient
from adapters.simulated.faults import Fault
from adapters.simulated.identity_provider import IdentityProvider, Member
from adapters.simulated.launching_ehr import Chart, LaunchingEhr
from gateway.settings import WebSettings
from gateway.sign_in_settings import EhrSettings, OidcSettings
from tests.builders import NOON, person
from tests.integration.hub_world import Hub, hub_of_ana

PUBLIC = "http://hub.example"
SYSTEM = "https://ehr.example/numbers"
SECRET = "invented-for-a-test"
ADA = Member("dr-ada", "Dr Ada", {"roles": ["physician"], "purpose_of_use": "TREAT"})
CLERK = Member("cleo", "Cleo (records)", {"roles": ["records"]})
NOBODY = Member("guest", "A guest", {})
CHARTS = (
    Chart("ana-7", "Ana", ((SYSTEM, "0007"), ("https://elsewhere.example", "1"))),
    Chart("stranger", "Not known to us", ((SYSTEM, "9999"),)),
    Chart("two", "Numbers of two people", ((SYSTEM, "0007"), ("urn:lkm", "66"))),
    Chart("0007", "The id is the number", ()),
)
HIDDEN = re.compile(r'name="csrf" value="([^"]+)"')


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> dt.datetime:
        return self.now


class Browser:
    """Cookies of one person; follows no redirect by itself. The hub is asked in-process, others over the network."""

    def __init__(self, hub: Hub, public: str = PUBLIC) -> None:
        self._hub = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=hub.app, raise_app_exceptions=False), base_url=public
        )
        self._public = public
        self._others = httpx2.AsyncClient(trust_env=False)

    async def get(self, address: str) -> httpx2.Response:
        is_ours = address.startswith(("/", self._public))
        return await (self._hub if is_ours else self._others).get(address)

    async def post(self, path: str, **fields: str) -> httpx2.Response:
        page = await self._hub.get("/nowhere")
        found = HIDDEN.search(page.text)
        assert found is not None
        return await self._hub.post(path, data={"csrf": found.group(1), **fields})

    async def send(self, path: str, secret: str, **fields: str) -> httpx2.Response:
        """What a script of a page sends that was opened a while ago."""
        headers = {"HX-Request": "true", "X-CSRF-Token": secret}
        return await self._hub.post(path, data=fields, headers=headers)

    async def follow(self, answer: httpx2.Response) -> httpx2.Response:
        while answer.is_redirect:
            answer = await self.get(answer.headers["location"])
        return answer

    async def choose(self, at_provider: str, who: str) -> str:
        """At the provider's page: say who one is; the address that leads back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(at_provider).query).items()}
        place = at_provider.partition("?")[0]
        answer = await self._others.post(place, data={**asked, "who": who})
        assert answer.is_redirect, answer.text
        return str(answer.headers["location"])

    async def set_out(self) -> str:
        """From the sign-in page to the provider's address."""
        answer = await self.get("/sign-in/provider")
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def sign_in(self, who: str = "dr-ada") -> httpx2.Response:
        """All the way; the hub's answer to what the provider sent back."""
        return await self.get(await self.choose(await self.set_out(), who))

    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self._hub.cookies.jar}

    def copy_cookies_from(self, other: Browser) -> None:
        self._hub.cookies.update(other._hub.cookies)

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._hub.aclose()
        await self._others.aclose()


@dataclass(slots=True)
class World:
    """Everything, until the block ends."""

    hub: Hub
    provider: IdentityProvider
    ehr: LaunchingEhr
    clock: Clock
    denied: set[str]

    def pass_time(self, **how: float) -> None:
        self.clock.now += dt.timedelta(**how)
        self.hub.now = self.clock.now

    def walk(self, act: Callable[[Browser], Awaitable[None]], public: str = PUBLIC) -> None:
        """Let one person walk."""

        async def whole() -> None:
            async with Browser(self.hub, public) as browser:
                await act(browser)

        asyncio.run(whole())

    def last_audit(self) -> tuple[str, str, str, str]:
        entry = self.hub.audit()[-1]
        return entry.action, entry.outcome.value, entry.actor, entry.detail


@dataclass(frozen=True, slots=True)
class Servers:
    """A provider and an EHR, and their clock."""

    provider: IdentityProvider
    ehr: LaunchingEhr
    clock: Clock

    def start_anew(self, public: str) -> None:
        """All is well, it is noon, and the hub at this address is registered."""
        self.clock.now = NOON
        self.ehr.patient_changes.clear()
        self.ehr.asked_for.clear()
        for server in (self.provider, self.ehr):
            server.set_fault(Fault.NONE)
            server.server.trouble.clear()
            server.server.seen.clear()
        self.provider.register(RegisteredClient("hub-at-idp", f"{public}/sign-in/callback", SECRET))
        self.ehr.register(RegisteredClient("hub-at-ehr", f"{public}/launch/callback"))
        self.ehr.launch_url = f"{public}/launch"


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Both, until the block ends."""
    clock = Clock()
    servers = Servers(
        IdentityProvider("North's people", (ADA, CLERK, NOBODY), clock=clock),
        LaunchingEhr("North's charts", CHARTS, clock=clock),
        clock,
    )
    with ExitStack() as stack:
        for server in (servers.provider, servers.ehr):
            server.start()
            stack.callback(server.stop)
        yield servers


def sign_in_world(servers: Servers, *, public: str = PUBLIC, oidc: dict[str, Any] | None = None, **ehr: Any) -> World:
    """``oidc`` and the rest are further settings of the provider and of the EHR."""
    servers.start_anew(public)
    denied: set[str] = set()
    web = _web(servers.provider, servers.ehr, public, oidc or {}, ehr)
    hub = hub_of_ana(web=web, is_denied=lambda caller: caller.subject in denied)
    hub.index.register("LKM|66", as_=person("Otherwise", "Bo", born="1951-01-02", sex="M"))
    return World(hub, servers.provider, servers.ehr, servers.clock, denied)


def _web(
    provider: IdentityProvider, ehr: LaunchingEhr, public: str, more: dict[str, Any], at_ehr: dict[str, Any]
) -> WebSettings:
    return WebSettings(
        public_url=public,
        oidc=OidcSettings(
            **{"issuer": provider.issuer, "client_id": "hub-at-idp", "client_secret": SECRET, "name": "North"} | more
        ),
        ehrs=(
            EhrSettings(
                **{
                    "id": "north",
                    "name": "North's charts",
                    "iss": ehr.iss,
                    "client_id": "hub-at-ehr",
                    "site": "NGH",
                    "identifier_systems": {SYSTEM: "NGH", "urn:lkm": "LKM"},
                }
                | at_ehr
            ),
        ),
    )
