"""By which token the hub is known to an agent, and which others are not taken."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from adapters.edge.errors import TokenRefused, UnusableKey
from adapters.edge.keys import KeySetFile, load_private_key, make_key_pair
from adapters.edge.tokens import Signer, TokenGate

NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_key_pair(tmp_path / "key.json", tmp_path / "jwks.json")
    return tmp_path


def signer(folder: Path) -> Signer:
    return Signer(load_private_key(folder / "key.json"), "priorlink-hub", "NGH", lambda: NOW)


def gate(folder: Path) -> TokenGate:
    return TokenGate(KeySetFile(folder / "jwks.json"), "priorlink-hub", "NGH", lambda: NOW)


def reason(folder: Path, token: str) -> str:
    try:
        gate(folder).check(token)
    except TokenRefused as refusal:
        return refusal.reason
    return "taken"


def signed(folder: Path, **changed: Any) -> str:
    key = load_private_key(folder / "key.json")
    now = int(NOW.timestamp())
    claims = {"iss": "priorlink-hub", "aud": "NGH", "iat": now, "exp": now + 60, "jti": "a1", **changed}
    told = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": key.kid}, told, key)


def test_a_fresh_token_is_taken_and_each_is_another(folder: Path) -> None:
    sign = signer(folder)
    first, second = (gate(folder).check_header(f"Bearer {sign()}") for _ in range(2))
    assert first.name == "priorlink-hub"
    assert first.request_id != second.request_id


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "taken"),
        ({"aud": "LKM"}, "claim_aud"),
        ({"aud": ["NGH", "LKM"]}, "claim_aud"),
        ({"aud": None}, "claim_aud"),
        ({"iss": "another-hub"}, "claim_iss"),
        ({"exp": int(NOW.timestamp()) - 31}, "token_expired"),
        ({"exp": None}, "claim_exp"),
        ({"exp": int(NOW.timestamp()) + 301}, "lives_too_long"),
        ({"iat": int(NOW.timestamp()) + 3600, "exp": int(NOW.timestamp()) + 3660}, "claim_iat"),
        ({"jti": None}, "claim_jti"),
        ({"jti": "a b"}, "claim_jti"),
        ({"exp": "soon"}, "claim_exp"),
    ],
)
def test_only_a_short_lived_token_for_this_site_is_taken(folder: Path, changed: dict[str, Any], expected: str) -> None:
    assert reason(folder, signed(folder, **changed)) == expected


def test_another_key_with_the_same_id_is_not_taken(folder: Path) -> None:
    kid = str(load_private_key(folder / "key.json").kid)
    stranger = ECKey.generate_key("P-256", {"kid": kid})
    assert reason(folder, replace(signer(folder), key=stranger)()) == "bad_signature"


def test_a_shared_secret_or_no_signature_is_not_taken(folder: Path) -> None:
    held = json.loads((folder / "jwks.json").read_text())["keys"][0]
    claims = {"iss": "priorlink-hub", "aud": "NGH", "iat": 1, "exp": 2, "jti": "a"}
    secret = OctKey.import_key(json.dumps(held) + " " * 16)
    assert reason(folder, jwt.encode({"alg": "HS256", "kid": held["kid"]}, claims, secret)) == "malformed_token"
    assert reason(folder, "eyJhbGciOiJub25lIn0.e30.") == "malformed_token"
    assert reason(folder, "") == "malformed_token"


def test_keys_change_with_their_file_and_a_broken_file_keeps_everybody_out(folder: Path) -> None:
    check = gate(folder)
    token = signer(folder)()
    assert check.check(token)
    make_key_pair(folder / "next.json", folder / "jwks.json")
    with pytest.raises(TokenRefused, match="unknown_key"):
        check.check(token)
    (folder / "jwks.json").write_text("{}")
    with pytest.raises(TokenRefused, match="keys_unavailable"):
        check.check(token)


def test_the_private_key_is_the_owners_alone_and_never_overwritten(folder: Path) -> None:
    path = folder / "key.json"
    assert path.stat().st_mode & 0o077 == 0
    assert "d" not in json.loads((folder / "jwks.json").read_text())["keys"][0]
    with pytest.raises(UnusableKey):
        make_key_pair(path, folder / "jwks.json")
    (folder / "public.json").write_text(json.dumps(json.loads((folder / "jwks.json").read_text())["keys"][0]))
    with pytest.raises(UnusableKey, match="not a private key"):
        load_private_key(folder / "public.json")
