"""Whose tokens are taken, and with which reason the others are not."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from gateway.authentication import TokenVerifier, build_verifier
from gateway.demo_issuer import DemoIssuer
from gateway.errors import NotAuthenticated
from gateway.permissions import Role
from gateway.settings import AuthSettings
from gateway.signing_keys import FileKeys, FixedKeys, SigningKeys, UrlKeys, parse_key_set

NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
ISSUER = DemoIssuer(clock=lambda: NOW)


def verifier(keys: SigningKeys | None = None, *, now: dt.datetime = NOW, leeway_seconds: int = 30) -> TokenVerifier:
    return TokenVerifier(keys or FixedKeys(ISSUER.jwks), ISSUER.issuer, ISSUER.audience, lambda: now, leeway_seconds)


def reason(token: str | None, check: TokenVerifier | None = None, *, scheme: str = "Bearer ") -> str:
    """Why the token is not taken; ``taken`` when it is."""
    try:
        (check or verifier())(None if token is None else scheme + token)
    except NotAuthenticated as refusal:
        return refusal.reason
    return "taken"


def unpadded(value: bytes | dict[str, Any]) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_a_good_token_says_who_asks() -> None:
    caller = verifier()("Bearer " + ISSUER.token(Role.PHYSICIAN, Role.ADMIN, subject="dr-17", lifetime_seconds=60))
    assert caller.subject == "dr-17"
    assert caller.roles == {Role.PHYSICIAN, Role.ADMIN}
    assert caller.purpose_of_use == "TREAT"
    assert caller.token_expires_at == NOW + dt.timedelta(seconds=60)


def test_the_scheme_is_read_in_any_case() -> None:
    assert reason(ISSUER.token(Role.ADMIN), scheme="bearer ") == "taken"


def test_roles_that_we_do_not_know_open_nothing() -> None:
    claims = ISSUER.claims(Role.PLUGIN) | {"roles": ["plugin", "superuser", 7]}
    assert verifier()("Bearer " + ISSUER.sign(claims)).roles == {Role.PLUGIN}
    assert verifier()("Bearer " + ISSUER.sign(claims, without=["roles"])).roles == frozenset()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "no_token"),
        ("", "no_token"),
        ("   ", "no_token"),
        ("Basic dXNlcjpwdw==", "not_a_bearer_token"),
        ("Bearer", "not_a_bearer_token"),
        ("Bearer ", "not_a_bearer_token"),
        ("Bearer nonsense", "malformed_token"),
        ("Bearer a.b.c", "malformed_token"),
        ("Bearer \u00fc.b.c", "malformed_token"),
        ("Bearer " + "x" * 200_000, "malformed_token"),
    ],
)
def test_what_is_no_token(header: str | None, expected: str) -> None:
    with pytest.raises(NotAuthenticated) as refusal:
        verifier()(header)
    assert refusal.value.reason == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"iss": "https://other.example"}, "claim_iss"),
        ({"iss": 5}, "claim_iss"),
        ({"aud": "another-service"}, "claim_aud"),
        ({"aud": ["another-service"]}, "claim_aud"),
        ({"aud": ["another-service", "priorlink"]}, "taken"),
        ({"sub": ""}, "claim_sub"),
        ({"sub": "   "}, "claim_sub"),
        ({"sub": 12}, "claim_sub"),
        ({"sub": "x" * 256}, "claim_sub"),
        ({"exp": "tomorrow"}, "claim_exp"),
        ({"exp": float("inf")}, "claim_exp"),
        ({"exp": 1e30}, "claim_exp"),
        ({"roles": "physician"}, "claim_roles"),
        ({"purpose_of_use": "let me in"}, "claim_purpose_of_use"),
        ({"purpose_of_use": ""}, "taken"),
    ],
)
def test_claims_that_are_not_ours(change: dict[str, Any], expected: str) -> None:
    assert reason(ISSUER.sign(ISSUER.claims(Role.PHYSICIAN) | change)) == expected


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "sub"])
def test_claims_that_must_be_there(claim: str) -> None:
    assert reason(ISSUER.sign(ISSUER.claims(Role.PHYSICIAN), without=[claim])) == f"claim_{claim}"


@pytest.mark.parametrize(
    ("claim", "seconds", "expected"),
    [
        ("exp", -29, "taken"),
        ("exp", -30, "token_expired"),
        ("nbf", 30, "taken"),
        ("nbf", 31, "claim_nbf"),
        ("iat", 30, "taken"),
        ("iat", 31, "claim_iat"),
    ],
)
def test_clocks_may_differ_by_the_leeway_and_no_more(claim: str, seconds: int, expected: str) -> None:
    claims = ISSUER.claims(Role.PHYSICIAN) | {claim: int(NOW.timestamp()) + seconds}
    assert reason(ISSUER.sign(claims)) == expected


def test_an_unsigned_token_is_refused() -> None:
    claims = ISSUER.claims(Role.ADMIN)
    for algorithm in ("none", "None", "NONE"):
        token = f"{unpadded({'alg': algorithm, 'typ': 'JWT'})}.{unpadded(claims)}."
        assert reason(token) == "algorithm_not_allowed"


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused() -> None:
    """The classic confusion: HS256 over a key that everybody can read."""
    public = ECKey.import_key(ISSUER.jwks["keys"][0])
    for secret in (public.as_pem(private=False), json.dumps(ISSUER.jwks["keys"][0]).encode()):
        head = unpadded({"alg": "HS256", "kid": ISSUER.jwks["keys"][0]["kid"]})
        body = unpadded(ISSUER.claims(Role.ADMIN))
        mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        assert reason(f"{head}.{body}.{unpadded(mac)}") == "algorithm_not_allowed"


def test_secrets_in_a_key_set_are_never_used() -> None:
    secret = OctKey.generate_key(256, auto_kid=True)
    jwks = {"keys": [*ISSUER.jwks["keys"], secret.as_dict(private=True)]}
    token = jwt.encode({"alg": "HS256", "kid": secret.kid}, ISSUER.claims(Role.ADMIN), secret)
    assert reason(token, verifier(FixedKeys(jwks))) == "algorithm_not_allowed"
    assert [key.key_type for key in parse_key_set(jwks)] == ["EC"]


def test_another_issuers_key_is_unknown() -> None:
    stranger = DemoIssuer(clock=lambda: NOW)
    assert reason(stranger.token(Role.ADMIN)) == "unknown_key"


def test_a_token_that_was_changed_is_refused() -> None:
    head, _, signature = ISSUER.token(Role.PLUGIN).split(".")
    forged = f"{head}.{unpadded(ISSUER.claims(Role.ADMIN))}.{signature}"
    assert reason(forged) == "bad_signature"


def test_an_unknown_critical_header_is_refused_and_a_harmless_one_is_not() -> None:
    key = ECKey.generate_key("P-256", auto_kid=True)
    check = verifier(FixedKeys({"keys": [key.as_dict(private=False)]}))
    claims = ISSUER.claims(Role.PLUGIN)
    assert reason(jwt.encode({"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}, claims, key), check) == "taken"
    head, body = unpadded({"alg": "ES256", "kid": key.kid, "crit": ["exotic"], "exotic": 1}), unpadded(claims)
    assert reason(f"{head}.{body}.{unpadded(b'0' * 64)}", check) == "malformed_token"


@pytest.mark.parametrize(
    ("algorithm", "make"),
    [
        ("RS256", lambda: RSAKey.generate_key(2048, auto_kid=True)),
        ("EdDSA", lambda: OKPKey.generate_key("Ed25519", auto_kid=True)),
        ("Ed25519", lambda: OKPKey.generate_key("Ed25519", auto_kid=True)),
    ],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_the_other_asymmetric_algorithms_are_taken(algorithm: str, make: Callable[[], Any]) -> None:
    key = make()
    token = jwt.encode({"alg": algorithm, "kid": key.kid}, ISSUER.claims(Role.PLUGIN), key, algorithms=[algorithm])
    assert reason(token, verifier(FixedKeys({"keys": [key.as_dict(private=False)]}))) == "taken"


def test_a_key_for_encryption_checks_no_signature() -> None:
    jwks = {"keys": [{**ISSUER.jwks["keys"][0], "use": "enc"}]}
    assert reason(ISSUER.token(Role.PLUGIN), verifier(FixedKeys(jwks))) == "key_not_usable"


def test_without_a_configured_issuer_nobody_gets_in() -> None:
    check = build_verifier(AuthSettings(), clock=lambda: NOW)
    assert reason(ISSUER.token(Role.ADMIN), check) == "no_issuer_configured"


def test_a_key_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    settings = AuthSettings(issuer=ISSUER.issuer, jwks_file=path)
    check = build_verifier(settings, clock=lambda: NOW)
    assert isinstance(check.keys, FileKeys)
    assert reason(ISSUER.token(Role.ADMIN), check) == "keys_unavailable"
    successor = DemoIssuer(clock=lambda: NOW)
    for at, issuer, other in ((1, ISSUER, successor), (2, successor, ISSUER)):
        path.write_text(json.dumps(issuer.jwks))
        os.utime(path, (at, at))
        assert reason(issuer.token(Role.ADMIN), check) == "taken"
        assert reason(other.token(Role.ADMIN), check) == "unknown_key"
    path.write_text("{ not json")
    os.utime(path, (3, 3))
    assert reason(ISSUER.token(Role.ADMIN), check) == "keys_unavailable"
    assert reason(successor.token(Role.ADMIN), check) == "keys_unavailable"


class KeyServer:
    """An address with a key set, and a clock that a test moves."""

    def __init__(self, jwks: object) -> None:
        self.jwks, self.status, self.fetches, self.now = jwks, 200, 0, 0.0
        client = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        self.keys = UrlKeys("https://issuer.example/jwks", client=client, seconds=lambda: self.now)

    def _answer(self, _: httpx2.Request) -> httpx2.Response:
        self.fetches += 1
        return httpx2.Response(self.status, json=self.jwks)


def test_keys_of_an_address_are_kept_for_five_minutes() -> None:
    server = KeyServer(ISSUER.jwks)
    check = verifier(server.keys)
    for now, fetches in ((0, 1), (299, 1), (300, 2)):
        server.now = float(now)
        assert reason(ISSUER.token(Role.ADMIN), check) == "taken"
        assert server.fetches == fetches


def test_an_unknown_key_is_looked_for_again_but_not_at_will() -> None:
    successor = DemoIssuer(clock=lambda: NOW)
    server = KeyServer(ISSUER.jwks)
    check = verifier(server.keys)
    assert reason(successor.token(Role.ADMIN), check) == "unknown_key"
    server.jwks = successor.jwks
    server.now = 9.0
    assert reason(successor.token(Role.ADMIN), check) == "unknown_key"
    assert server.fetches == 1
    server.now = 10.0
    assert reason(successor.token(Role.ADMIN), check) == "taken"
    assert server.fetches == 2


def test_keys_stay_good_while_the_address_is_down() -> None:
    server = KeyServer(ISSUER.jwks)
    check = verifier(server.keys)
    assert reason(ISSUER.token(Role.ADMIN), check) == "taken"
    server.status, server.now = 503, 1000.0
    assert reason(ISSUER.token(Role.ADMIN), check) == "taken"


def test_a_key_that_the_issuer_took_away_is_dropped() -> None:
    successor = DemoIssuer(clock=lambda: NOW)
    server = KeyServer(ISSUER.jwks)
    check = verifier(server.keys)
    assert reason(ISSUER.token(Role.ADMIN), check) == "taken"
    server.jwks, server.now = successor.jwks, 300.0
    assert reason(ISSUER.token(Role.ADMIN), check) == "unknown_key"
    assert reason(successor.token(Role.ADMIN), check) == "taken"


def test_keys_that_nobody_could_ask_about_for_a_day_are_dropped() -> None:
    server = KeyServer(ISSUER.jwks)
    check = verifier(server.keys)
    assert reason(ISSUER.token(Role.ADMIN), check) == "taken"
    server.status = 503
    for now, expected in ((86_399.0, "taken"), (86_400.0, "keys_unavailable")):
        server.now = now
        assert reason(ISSUER.token(Role.ADMIN), check) == expected


def test_a_token_that_lives_longer_than_a_day_is_refused() -> None:
    assert reason(ISSUER.token(Role.ADMIN, lifetime_seconds=24 * 3600), verifier()) == "taken"
    assert reason(ISSUER.token(Role.ADMIN, lifetime_seconds=24 * 3600 + 60), verifier()) == "token_lives_too_long"


@pytest.mark.parametrize("jwks", [{}, [], {"keys": []}, {"keys": "none"}, {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}])
def test_an_address_without_usable_keys_lets_nobody_in(jwks: object) -> None:
    assert reason(ISSUER.token(Role.ADMIN), verifier(KeyServer(jwks).keys)) == "keys_unavailable"


def test_a_refusal_never_quotes_the_token() -> None:
    token = ISSUER.sign(ISSUER.claims(Role.ADMIN, subject="Quillfeather") | {"aud": "Quillfeather"})
    with pytest.raises(NotAuthenticated) as refusal:
        verifier()("Bearer " + token)
    assert str(refusal.value) == "claim_aud"
    assert refusal.value.__cause__ is None
