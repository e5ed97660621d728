"""Where a sign-in at the provider leads to, how long it lasts, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.settings import WebSettings
from gateway.sign_in_settings import OidcSettings
from tests.integration.hub_world import SURNAME, hub_of_ana
from tests.integration.sign_in_world import (
    HIDDEN,
    PUBLIC,
    Browser,
    Servers,
    World,
    running_servers,
    sign_in_world,
)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with running_servers() as both:
        yield both


@pytest.fixture
def world(servers: Servers) -> World:
    return sign_in_world(servers)


# where one comes back to


def test_one_comes_back_to_the_page_that_asked_for_the_sign_in(world: World) -> None:
    async def walk(browser: Browser) -> None:
        assert (await browser.get("/queue?kind=POSSIBLE_MATCH")).headers["location"] == "/sign-in"
        answer = await browser.sign_in("cleo")
        assert answer.headers["location"] == "/queue?kind=POSSIBLE_MATCH"

    world.walk(walk)


def test_a_page_of_another_role_is_not_come_back_to(world: World) -> None:
    async def walk(browser: Browser) -> None:
        await browser.get("/queue")
        assert (await browser.sign_in("dr-ada")).headers["location"] == "/"

    world.walk(walk)


@pytest.mark.parametrize(
    "path", ["//evil.example/queue", "/\\evil.example", "/queue/..//evil.example", "/https://evil.example"]
)
def test_nobody_is_led_elsewhere(world: World, path: str) -> None:
    async def walk(browser: Browser) -> None:
        await browser._hub.get(f"{PUBLIC}{path}")
        for more in ("", "?return_to=https://evil.example&next=//evil.example&redirect_uri=https://evil.example"):
            answer = await browser.get(f"/sign-in/provider{more}")
            back = await browser.choose(answer.headers["location"], "cleo")
            to = (await browser.get(f"{back}{more.replace('?', '&')}")).headers.get("location", "/")
            assert to.startswith("/")
            assert not to.startswith(("//", "/\\"))
            assert "evil" not in to

    world.walk(walk)


# the end


def test_a_session_ends_with_the_token_and_goes_on_where_it_was(world: World) -> None:
    world.provider.server.trouble.claims["exp"] = int(world.clock().timestamp()) + 600

    async def walk(browser: Browser) -> None:
        await browser.sign_in()
        assert (await browser.get("/history")).status_code == 200
        world.pass_time(seconds=600)
        answer = await browser.post("/history", authority="NGH", number="0007")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        page = await browser.get("/sign-in")
        assert "Your session has ended" in page.text
        assert SURNAME not in page.text
        world.provider.server.trouble.clear()
        assert (await browser.sign_in()).headers["location"] == "/history"

    world.walk(walk)


def test_a_script_of_a_page_whose_session_ended_leads_to_the_sign_in(world: World) -> None:
    async def walk(browser: Browser) -> None:
        await browser.sign_in("cleo")
        page = await browser.get("/queue")
        secret = HIDDEN.search(page.text)
        assert secret is not None
        world.pass_time(minutes=61)
        answer = await browser.send("/queue/next", secret.group(1))
        assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/sign-in")
        assert [one.action for one in world.hub.audit() if one.action == "claimReviewItem"] == []
        assert (await browser.sign_in("cleo")).headers["location"] == "/queue"

    world.walk(walk)


def test_a_sign_in_lasts_as_long_as_the_settings_say(servers: Servers) -> None:
    world = sign_in_world(servers, oidc={"session_minutes": 20})

    async def walk(browser: Browser) -> None:
        world.provider.server.trouble.claims["exp"] = int(world.clock().timestamp()) + 60
        await browser.sign_in()
        world.pass_time(minutes=19)
        assert (await browser.get("/history")).status_code == 200
        world.pass_time(minutes=1)
        assert (await browser.get("/history")).headers["location"] == "/sign-in"

    world.walk(walk)


def test_signing_out_ends_the_providers_session_too(world: World) -> None:
    async def walk(browser: Browser) -> None:
        await browser.sign_in()
        answer = await browser.post("/sign-out")
        assert answer.status_code == 200
        found = urlsplit(answer.text.split("0;url=")[1].split('"')[0].replace("&amp;", "&"))
        said = parse_qs(found.query)
        assert f"{found.scheme}://{found.netloc}" == world.provider.issuer
        assert said["post_logout_redirect_uri"] == [f"{PUBLIC}/sign-in"]
        assert said["client_id"] == ["hub-at-idp"]
        assert said["id_token_hint"][0].count(".") == 2
        assert (await browser.get("/history")).headers["location"] == "/sign-in"

    world.walk(walk)


@pytest.mark.parametrize("how", ["has none", "is down", "not wanted"])
def test_signing_out_here_needs_nobody(how: str, servers: Servers) -> None:
    world = sign_in_world(servers, oidc={"sign_out_there": how != "not wanted"})
    if how == "has none":
        world.provider.server.trouble.metadata["end_session_endpoint"] = None

    async def walk(browser: Browser) -> None:
        await browser.sign_in()
        if how == "is down":
            world.provider.stop()
        answer = await browser.post("/sign-out")
        assert answer.status_code in (200, 303)
        assert (await browser.get("/history")).headers["location"] == "/sign-in"

    world.walk(walk)


def test_it_is_offered_only_where_it_is_set_up() -> None:
    hub = hub_of_ana(web=WebSettings(token_sign_in=True))
    assert "/sign-in/provider" not in hub.request("GET", "/sign-in").text
    for path in ("/sign-in/provider", "/sign-in/callback?code=1&state=2"):
        assert hub.request("GET", path).status_code == 404


def test_a_provider_over_plain_http_is_refused_by_the_settings() -> None:
    with pytest.raises(ValueError, match="https"):
        OidcSettings(issuer="http://idp.example", client_id="x")
    with pytest.raises(ValueError, match="public_url"):
        WebSettings(oidc=OidcSettings(issuer="https://idp.example", client_id="x"))
