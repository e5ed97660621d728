"""Signing in at the hospital's identity provider: a real provider over HTTP, and everything that can go wrong."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.simulated.faults import Fault
from gateway.rate_limits import RateLimits, Rates
from gateway.settings import WebSettings
from gateway.sign_in_settings import OidcSettings
from gateway.web.entrances.code_flow import CodeFlow, Registration
from gateway.web.entrances.entrances import OIDC
from gateway.web.entrances.failures import SignInFailed
from gateway.web.entrances.pending import Pending
from tests.integration.hub_world import hub_of_ana
from tests.integration.sign_in_world import (
    PUBLIC,
    SECRET,
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


def test_who_signs_in_at_the_provider_has_the_roles_that_it_says(world: World) -> None:
    async def walk(browser: Browser) -> None:
        page = await browser.get("/sign-in")
        assert "Sign in at North" in page.text
        answer = await browser.sign_in()
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await browser.get("/history")).status_code == 200
        assert "Dr Ada" in (await browser.get("/history")).text
        assert (await browser.get("/queue")).status_code == 403

    world.walk(walk)
    entry = next(one for one in world.hub.audit() if one.action == "oidc:signIn")
    assert (entry.actor, entry.role, entry.outcome.value, entry.purpose_of_use) == (
        "dr-ada", "physician", "success", "TREAT",
    )  # fmt: skip


def test_what_is_asked_for_is_bound_to_this_browser(world: World) -> None:
    async def walk(browser: Browser) -> None:
        asked = parse_qs(urlsplit(await browser.set_out()).query)
        again = parse_qs(urlsplit(await browser.set_out()).query)
        assert asked["redirect_uri"] == [f"{PUBLIC}/sign-in/callback"]
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["scope"] == ["openid profile"]
        for name in ("state", "nonce", "code_challenge"):
            assert len(asked[name][0]) >= 43
            assert asked[name] != again[name]

    world.walk(walk)


def test_the_redirect_address_is_that_of_the_settings_whatever_the_request_says(world: World) -> None:
    async def walk(browser: Browser) -> None:
        answer = await browser._hub.get("/sign-in/provider", headers={"Host": "evil.example"})
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        assert asked["redirect_uri"] == [f"{PUBLIC}/sign-in/callback"]

    world.walk(walk)


def failure(world: World, status: int, words: str, detail: str, *, who: str = "dr-ada") -> None:
    """A sign-in fails with a page that says so, nobody is signed in, and it is on record."""

    async def walk(browser: Browser) -> None:
        answer = await browser.sign_in(who)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
        assert (await browser.get("/history")).headers["location"] == "/sign-in"
        assert not [name for name in browser.cookies() if "way" in name], "it is used up"

    world.walk(walk)
    assert world.last_audit() == ("oidc:signIn", "refused", "anonymous", detail)


def test_somebody_calls_it_off(world: World) -> None:
    failure(world, 200, "Signing in was called off", "cancelled", who="")


def test_a_wrong_nonce_is_not_taken(world: World) -> None:
    world.provider.server.trouble.claims["nonce"] = "of-another-sign-in"
    failure(world, 401, "belongs to another sign-in", "nonce_wrong")


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({"aud": "somebody-else"}, "claim_aud"),
        ({"aud": ["hub-at-idp", "somebody-else"]}, "claim_azp"),
        ({"azp": "somebody-else"}, "claim_azp"),
    ],
)
def test_a_token_for_another_program_is_not_taken(world: World, claims: dict[str, object], detail: str) -> None:
    world.provider.server.trouble.claims.update(claims)
    failure(world, 401, "meant for another program", detail)


def test_a_token_of_another_issuer_is_not_taken(world: World) -> None:
    world.provider.server.trouble.claims["iss"] = "https://evil.example"
    failure(world, 401, "another provider than was asked", "claim_iss")


def test_an_answer_that_names_another_issuer_is_not_taken(world: World) -> None:
    world.provider.server.trouble.parameters["iss"] = "https://evil.example"
    failure(world, 401, "another provider than was asked", "issuer_wrong")


def test_a_provider_that_promises_to_name_itself_must(world: World) -> None:
    world.provider.server.trouble.metadata["authorization_response_iss_parameter_supported"] = True
    failure(world, 401, "another provider than was asked", "issuer_wrong")


@pytest.mark.parametrize(("seconds", "status"), [(20, 303), (40, 401)], ids=["inside the skew", "beyond the skew"])
def test_clocks_may_differ_by_the_skew(world: World, seconds: int, status: int) -> None:
    ahead = int(world.clock().timestamp()) + seconds
    world.provider.server.trouble.claims.update(iat=ahead, nbf=ahead)

    async def walk(browser: Browser) -> None:
        assert (await browser.sign_in()).status_code == status

    world.walk(walk)


def test_a_code_that_has_expired_is_said_to_be(world: World) -> None:
    async def walk(browser: Browser) -> None:
        back = await browser.choose(await browser.set_out(), "dr-ada")
        world.pass_time(seconds=61)
        answer = await browser.get(back)
        assert (answer.status_code, "Signing in took too long" in answer.text) == (401, True)

    world.walk(walk)
    assert world.last_audit()[3] == "code_expired"


def test_a_provider_that_is_down_is_said_to_be(world: World) -> None:
    world.provider.stop()

    async def walk(browser: Browser) -> None:
        answer = await browser.get("/sign-in/provider")
        assert (answer.status_code, "does not answer" in answer.text) == (503, True)

    world.walk(walk)
    assert world.last_audit()[3] == "provider_down"


def test_a_provider_that_hangs_is_given_up(servers: Servers) -> None:
    world = sign_in_world(servers, oidc={"timeout_seconds": 0.3})
    world.provider.set_fault(Fault.HANG)

    async def walk(browser: Browser) -> None:
        assert (await browser.get("/sign-in/provider")).status_code == 503

    world.walk(walk)
    world.provider.set_fault(Fault.NONE)


@pytest.mark.parametrize(
    "changes",
    [
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": None},
        {"code_challenge_methods_supported": ["plain"]},
        {"padding": "x" * 400_000},
        {"issuer": "https://evil.example"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_metadata_that_cannot_be_trusted_lead_nowhere(world: World, changes: dict[str, object]) -> None:
    world.provider.server.trouble.metadata.update(changes)

    async def walk(browser: Browser) -> None:
        answer = await browser.get("/sign-in/provider")
        assert answer.status_code in (401, 502, 503)
        assert "location" not in answer.headers

    world.walk(walk)


def test_an_answer_without_an_id_token_names_nobody(world: World) -> None:
    world.provider.server.trouble.answer["id_token"] = None
    failure(world, 401, "was not said who you are", "no_identity")


def test_a_new_key_of_the_provider_is_fetched(world: World) -> None:
    oidc, seconds = OidcSettings(issuer=world.provider.issuer, client_id="hub-at-idp", client_secret=SECRET), [0.0]
    registration = Registration(
        OIDC, f"{oidc.issuer}/.well-known/openid-configuration", oidc.issuer,
        f"{PUBLIC}/sign-in/callback", oidc.scopes, oidc,
    )  # fmt: skip
    flow = CodeFlow(registration, clock=world.clock, leeway_seconds=30, seconds=lambda: seconds[0])

    async def enter(browser: Browser) -> str:
        pending = Pending.new(OIDC)
        back = await browser.choose(await flow.address(pending, {}), "dr-ada")
        code = parse_qs(urlsplit(back).query)["code"][0]
        return str((await flow.finish(pending, {"code": code})).claims["sub"])

    async def walk(browser: Browser) -> None:
        assert await enter(browser) == "dr-ada"
        world.provider.server.change_key()
        with pytest.raises(SignInFailed, match="token_refused"):
            await enter(browser)
        seconds[0] += 11
        assert await enter(browser) == "dr-ada"

    world.walk(walk)


def test_a_sign_in_that_is_taken_back_ends(world: World) -> None:
    async def walk(browser: Browser) -> None:
        await browser.sign_in()
        assert (await browser.get("/history")).status_code == 200
        world.denied.add("dr-ada")
        assert (await browser.get("/history")).headers["location"] == "/sign-in"
        assert (await browser.sign_in()).status_code == 401
        assert world.last_audit()[3] == "token_revoked"

    world.walk(walk)


def test_roles_that_are_not_given_open_nothing(world: World) -> None:
    async def walk(browser: Browser) -> None:
        answer = await browser.follow(await browser.sign_in("guest"))
        assert answer.status_code == 403
        assert (await browser.get("/history")).status_code == 403

    world.walk(walk)


# forged answers


def test_an_answer_in_another_browser_signs_nobody_in(world: World) -> None:
    """Login CSRF: the victim's browser is sent to the callback with the attacker's code and state."""

    async def walk(attacker: Browser) -> None:
        back = await attacker.choose(await attacker.set_out(), "cleo")
        async with Browser(world.hub) as victim:
            answer = await victim.get(back)
            assert (answer.status_code, "was not begun here" in answer.text) == (400, True)
            assert (await victim.get("/queue")).headers["location"] == "/sign-in"

    world.walk(walk)
    assert world.last_audit() == ("oidc:signIn", "refused", "anonymous", "not_begun_here")


def test_a_code_of_another_sign_in_is_not_taken(world: World) -> None:
    """Code injection: a stolen code with the thief's own state; the verifier does not fit."""

    async def walk(victim: Browser) -> None:
        stolen = parse_qs(urlsplit(await victim.choose(await victim.set_out(), "dr-ada")).query)["code"][0]
        async with Browser(world.hub) as thief:
            own = parse_qs(urlsplit(await thief.choose(await thief.set_out(), "guest")).query)["state"][0]
            answer = await thief.get(f"/sign-in/callback?code={stolen}&state={own}")
            assert answer.status_code == 401
            assert (await thief.get("/history")).headers["location"] == "/sign-in"

    world.walk(walk)
    assert world.last_audit()[3] == "code_expired"


def test_an_answer_is_taken_once(world: World) -> None:
    async def walk(browser: Browser) -> None:
        back = await browser.choose(await browser.set_out(), "dr-ada")
        assert (await browser.get(back)).status_code == 303
        assert (await browser.get(back)).status_code == 400

    world.walk(walk)


def test_a_sign_in_that_takes_more_than_ten_minutes_is_begun_again(world: World) -> None:
    async def walk(browser: Browser) -> None:
        at_provider = await browser.set_out()
        world.pass_time(minutes=10)
        assert (await browser.get(await browser.choose(at_provider, "dr-ada"))).status_code == 400

    world.walk(walk)
    assert world.last_audit()[3] == "took_too_long"


def test_two_tabs_do_not_disturb_each_other(world: World) -> None:
    async def walk(browser: Browser) -> None:
        first, second = await browser.set_out(), await browser.set_out()
        assert (await browser.get(await browser.choose(first, "dr-ada"))).status_code == 303
        assert (await browser.get(await browser.choose(second, "cleo"))).status_code == 303
        assert (await browser.get("/queue")).status_code == 200, "the later one counts"
        assert (await browser.get("/history")).status_code == 403

    world.walk(walk)


def test_a_session_from_before_the_sign_in_is_worth_nothing_after_it(world: World) -> None:
    """Session fixation: the attacker knows the cookie that the victim's browser had."""

    async def walk(victim: Browser) -> None:
        await victim.get("/sign-in")
        async with Browser(world.hub) as attacker:
            attacker.copy_cookies_from(victim)
            before = victim.cookies()
            await victim.sign_in()
            assert victim.cookies()["priorlink"] != before["priorlink"]
            assert (await attacker.get("/history")).headers["location"] == "/sign-in"

    world.walk(walk)


def test_the_cookie_holds_nothing_readable(world: World) -> None:
    async def walk(browser: Browser) -> None:
        await browser.sign_in()
        assert "ada" not in browser.cookies()["priorlink"]

    world.walk(walk)


def test_a_flood_of_forged_answers_fills_no_audit_log() -> None:
    hub = hub_of_ana(web=WebSettings(), rates=RateLimits(Rates(anonymous=2)))

    async def walk() -> list[int]:
        async with Browser(hub) as browser:
            return [(await browser.get(f"/sign-in/callback?state={n}&code=x")).status_code for n in range(4)]

    assert asyncio.run(walk()) == [404, 404, 429, 429]
    assert [one.action for one in hub.audit()] == ["oidc:signIn", "oidc:signIn"]


def test_what_is_secret_never_reaches_the_log(world: World, log: io.StringIO) -> None:
    secrets: list[str] = []

    async def walk(browser: Browser) -> None:
        for who in ("dr-ada", ""):
            back = await browser.choose(await browser.set_out(), who)
            secrets.extend(value for values in parse_qs(urlsplit(back).query).values() for value in values)
            await browser.get(back)
        secrets.extend(browser.cookies().values())

    world.walk(walk)
    told = log.getvalue()
    assert "/sign-in/callback" in told
    assert not [one for one in secrets if len(one) > 20 and one in told]
