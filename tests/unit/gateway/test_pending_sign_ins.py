"""A sign-in under way is taken by the browser that began it, for the provider it set out to, in time."""

from __future__ import annotations

import datetime as dt

import pytest
from starlette.requests import Request
from starlette.responses import Response

from gateway.settings import WebSettings
from gateway.web.entrances.failures import STATUS, SignInFailed
from gateway.web.entrances.pending import LONGEST, Pending, PendingCookies
from gateway.web.seals import Seal
from gateway.web.sign_in_words import SIGN_IN_WORDS
from tests.builders import NOON

WEB = WebSettings(session_key="k" * 32)
COOKIES = PendingCookies(Seal(WEB, "sign-in"), "/sign-in")
OIDC = frozenset({"oidc"})


def coming_back(state: str, *cookies: str) -> Request:
    headers = [(b"cookie", "; ".join(cookies).encode())]
    query = f"state={state}&code=x".encode()
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query, "headers": headers})


def cookie_of(pending: Pending, cookies: PendingCookies = COOKIES) -> str:
    response = Response()
    cookies.write(response, pending, NOON, is_secure=False)
    return response.headers["set-cookie"].partition(";")[0]


def taken(request: Request, *, after: dt.timedelta = dt.timedelta(0), entrances: frozenset[str] = OIDC) -> Pending:
    return COOKIES.take(request, entrances, NOON + after, is_secure=False)


def test_it_comes_back_as_it_went() -> None:
    pending = Pending.new("oidc", "/queue")
    assert taken(coming_back(pending.state, cookie_of(pending))) == pending


def test_each_is_found_by_its_own_state() -> None:
    one, other = Pending.new("oidc"), Pending.new("oidc")
    both = cookie_of(one), cookie_of(other)
    assert taken(coming_back(one.state, *both)) == one
    assert taken(coming_back(other.state, *both)) == other


def test_a_cookie_under_the_name_of_another_state_is_not_taken() -> None:
    """Somebody who can plant cookies, but not seal them, gets no further."""
    own, victims = Pending.new("oidc"), Pending.new("oidc")
    name = cookie_of(victims).partition("=")[0]
    planted = f"{name}={cookie_of(own).partition('=')[2]}"
    with pytest.raises(SignInFailed, match="state_wrong"):
        taken(coming_back(victims.state, planted))


def test_it_is_for_the_provider_that_it_set_out_to() -> None:
    pending = Pending.new("ehr:north")
    with pytest.raises(SignInFailed, match="state_wrong"):
        taken(coming_back(pending.state, cookie_of(pending)))
    assert taken(coming_back(pending.state, cookie_of(pending)), entrances=frozenset({"ehr:north"})) == pending


def test_what_was_sealed_for_another_purpose_does_not_open() -> None:
    pending = Pending.new("oidc")
    elsewhere = PendingCookies(Seal(WEB, "launch"), "/launch")
    with pytest.raises(SignInFailed, match="state_wrong"):
        taken(coming_back(pending.state, cookie_of(pending, elsewhere)))


@pytest.mark.parametrize("after", [LONGEST, dt.timedelta(seconds=-1)], ids=["too late", "from the future"])
def test_it_is_good_for_ten_minutes(after: dt.timedelta) -> None:
    pending = Pending.new("oidc")
    with pytest.raises(SignInFailed) as refusal:
        taken(coming_back(pending.state, cookie_of(pending)), after=after)
    assert refusal.value.detail == "took_too_long"


def test_its_cookie_is_for_the_callback_alone() -> None:
    response = Response()
    COOKIES.write(response, Pending.new("oidc"), NOON, is_secure=True)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Secure-priorlink-way-")
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/sign-in", "Max-Age=600"))


def test_each_failure_has_a_page_that_says_what_to_do() -> None:
    assert set(SIGN_IN_WORDS["sign_in_problem"]) == set(SIGN_IN_WORDS["sign_in_remedy"]) == set(STATUS)
