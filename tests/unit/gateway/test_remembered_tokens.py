"""A token that was found good is not checked anew for a while; expired, unknown and taken back ones are."""

from __future__ import annotations

import datetime as dt

import pytest

from gateway.authentication import Caller
from gateway.errors import NotAuthenticated
from gateway.permissions import Role
from gateway.remembered_tokens import KEEP_SECONDS, RememberedTokens
from gateway.revoked_tokens import WithoutRevoked
from mpi.caller_revocations import Revocation, RevokedKind
from tests.builders import NOON
from tests.integration.hub_world import Hub

GOOD = "Bearer good"


class Issuer:
    """Lets in whoever says "good"; counts what it is asked."""

    def __init__(self) -> None:
        self.now, self.seconds, self.asked = NOON, 0.0, 0
        self.remembered = RememberedTokens(self, lambda: self.now, most_tokens=2, seconds=lambda: self.seconds)

    def __call__(self, authorization: str | None) -> Caller:
        self.asked += 1
        if authorization is None or "good" not in authorization:
            raise NotAuthenticated("bad_signature")
        expires_at = self.now + dt.timedelta(seconds=30)
        return Caller(authorization, frozenset({Role.RECORDS}), "TREAT", expires_at, issued_at=self.now)


def test_a_good_token_is_checked_once() -> None:
    issuer = Issuer()
    first = issuer.remembered(GOOD)
    assert issuer.remembered(GOOD) == issuer.remembered.known(GOOD) == first
    assert issuer.asked == 1


@pytest.mark.parametrize(("clock", "monotonic"), [(30, 0.0), (0, KEEP_SECONDS)])
def test_it_is_checked_again_when_it_expires_and_after_a_while(clock: int, monotonic: float) -> None:
    issuer = Issuer()
    issuer.remembered(GOOD)
    issuer.now += dt.timedelta(seconds=clock)
    issuer.seconds += monotonic
    assert issuer.remembered.known(GOOD) is None
    issuer.remembered(GOOD)
    assert issuer.asked == 2


@pytest.mark.parametrize("authorization", [None, "", "Bearer bad", "Bearer goo", f"{GOOD} "])
def test_only_the_very_same_token_is_known(authorization: str | None) -> None:
    issuer = Issuer()
    issuer.remembered(GOOD)
    assert issuer.remembered.known(authorization) is None


def test_a_refusal_is_not_remembered() -> None:
    issuer = Issuer()
    for _ in range(2):
        with pytest.raises(NotAuthenticated, match="bad_signature"):
            issuer.remembered("Bearer bad")
    assert issuer.asked == 2


def test_the_oldest_gives_way() -> None:
    issuer = Issuer()
    for number in range(3):
        issuer.remembered(f"{GOOD}-{number}")
    assert issuer.remembered.known(f"{GOOD}-0") is None
    assert issuer.remembered.known(f"{GOOD}-2") is not None


def test_no_token_is_held() -> None:
    issuer = Issuer()
    issuer.remembered(GOOD)
    assert GOOD not in repr([*issuer.remembered._good])


def test_a_token_that_is_taken_back_is_refused_although_it_is_remembered() -> None:
    hub, issuer = Hub(), Issuer()
    guard = WithoutRevoked(
        issuer.remembered,
        hub.units,
        lambda: issuer.now,
        keep_seconds=15.0,
        seconds=lambda: issuer.seconds,
        known_good=issuer.remembered.known,
    )
    assert guard.known(GOOD) is None
    assert guard(GOOD) == guard.known(GOOD)
    with hub.units() as unit:
        unit.revocations.append(Revocation(RevokedKind.SUBJECT, GOOD, NOON, "a", NOON + dt.timedelta(days=1)))
        unit.commit()
    issuer.seconds += 15.0
    assert guard.known(GOOD) is None
    with pytest.raises(NotAuthenticated, match="token_revoked"):
        guard(GOOD)
    assert guard.known(GOOD) is None
    assert issuer.asked == 1
