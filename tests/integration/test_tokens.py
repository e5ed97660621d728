"""Tokens that are taken back, and tokens that the hub gives to listed programs."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from adapters.store.engine import make_engine
from adapters.store.unit_of_work import unit_of_work_factory
from gateway.access_settings import AuthSettings, ServiceClientSettings, ServiceTokenSettings
from gateway.asgi import create_app
from gateway.bootstrap import build_hub
from gateway.cli.app import run
from gateway.clock import utc_now
from gateway.demo_issuer import DemoIssuer
from gateway.errors import ConfigurationError
from gateway.permissions import Role
from gateway.rate_limits import RateLimits, Rates
from gateway.revoked_tokens import WithoutRevoked
from gateway.service_tokens import EitherIssuer, service_tokens
from gateway.serving import hub_app
from gateway.settings import Settings, StoreSettings
from gateway.token_door import token_routes
from gateway.used_tokens import remember_used
from mpi.audit import AuditOutcome
from mpi.caller_revocations import DenyList, Revocation, RevokedKind
from mpi.usecases.revoke_tokens import revoke_tokens
from tests.builders import NOON, newest_events
from tests.integration.hub_world import ANA, ANAS, Hub

URL = "https://hub.example/oauth/token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SITES = "{ sites { __typename } }"


def once(issuer: str, token_id: str) -> bool:
    """Every token is new."""
    return True


class Guarded(Hub):
    """A hub that reads the list of revocations every fifteen seconds, on a clock that a test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        guard = WithoutRevoked(
            self.resources.authenticate, self.units, lambda: self.now, keep_seconds=15.0, seconds=lambda: self.seconds
        )
        self.resources = replace(self.resources, authenticate=guard)
        self.app = create_app(self.resources, Settings())

    def reason(self, token: str) -> str:
        answer = self.post(SITES, token=token)
        if answer.status_code == 200:
            return "taken"
        assert answer.status_code == 401
        reason: str = answer.json()["errors"][0]["extensions"]["reason"]
        return reason

    def revoke(self, **what: str) -> Any:
        return self.run("RevokeTokens", Role.ADMIN, **what)


def test_a_revoked_token_is_refused_within_seconds_and_others_are_not() -> None:
    hub = Guarded()
    claims = hub.issuer.claims(Role.PHYSICIAN, subject="dr-1")
    stolen, other = hub.issuer.sign(claims | {"jti": "t-1"}), hub.issuer.sign(claims | {"jti": "t-2"})
    assert hub.reason(stolen) == "taken"
    assert hub.revoke(tokenId="t-1")["__typename"] == "TokensRevoked"
    hub.seconds = 15.0
    assert hub.reason(stolen) == "token_revoked"
    assert hub.reason(other) == "taken"
    (event,) = [e for e in hub.audit() if e.action == "revokeTokens"]
    assert (event.outcome, event.role, event.detail) == (AuditOutcome.SUCCESS, "admin", "token")


def test_a_revoked_subject_loses_every_token_so_far_and_may_be_given_new_ones() -> None:
    hub = Guarded()
    before = hub.issuer.token(Role.PHYSICIAN, subject="dr-1")
    without_time = hub.issuer.sign(hub.issuer.claims(Role.PHYSICIAN, subject="dr-1"), without=["iat"])
    hub.revoke(subject="dr-1")
    hub.seconds = 15.0
    assert hub.reason(before) == hub.reason(without_time) == "token_revoked"
    assert hub.reason(hub.issuer.token(Role.PHYSICIAN, subject="dr-2")) == "taken"
    hub.now += dt.timedelta(seconds=2)
    assert hub.reason(hub.issuer.token(Role.PHYSICIAN, subject="dr-1")) == "taken"
    assert hub.reason(without_time) == "token_revoked"


def test_the_list_forgets_what_has_run_out() -> None:
    hub = Guarded()
    hub.revoke(subject="dr-1")
    hub.now += dt.timedelta(days=1)
    with hub.units() as uow:
        assert uow.revocations.in_force(at=hub.now) == ()


@pytest.mark.parametrize("what", [{}, {"subject": "a", "tokenId": "b"}, {"subject": "  "}, {"tokenId": "x" * 300}])
def test_what_names_no_token_revokes_nothing(what: dict[str, str]) -> None:
    hub = Guarded()
    assert hub.revoke(**what)["__typename"] == "InvalidInput"
    assert hub.store.committed.revocations == []


def test_who_cannot_read_the_list_lets_nobody_in() -> None:
    hub = Guarded()

    def broken() -> Any:
        raise OSError("no store")

    guard = WithoutRevoked(hub.resources.authenticate, broken, lambda: hub.now)
    with pytest.raises(OSError, match="no store"):
        guard(f"Bearer {hub.issuer.token(Role.ADMIN)}")


def test_a_deny_list_names_a_subject_until_a_moment() -> None:
    listed = DenyList.of([Revocation(RevokedKind.SUBJECT, "dr-1", NOON, "a", NOON + dt.timedelta(days=1))])
    assert listed.denies("dr-1", None, NOON)
    assert not listed.denies("dr-1", None, NOON + dt.timedelta(seconds=1))
    assert not listed.denies("dr-2", "dr-1", NOON)


# Tokens of the hub


class Programs(Hub):
    """A hub that gives tokens, and a program with its key."""

    def __init__(self, folder: Path, *, rates: Rates | None = None, **client: Any) -> None:
        super().__init__(rates=RateLimits(rates or Rates()))
        self.key, own = ECKey.generate_key("P-256", auto_kid=True), ECKey.generate_key("P-256", auto_kid=True)
        (folder / "program.json").write_text(json.dumps({"keys": [self.key.as_dict(private=False)]}))
        (folder / "hub.pem").write_bytes(own.as_pem(private=True))
        listed = ServiceClientSettings(client_id="plugin-1", jwks_file=folder / "program.json", **client)
        service = ServiceTokenSettings(url=URL, signing_key_file=folder / "hub.pem", clients=(listed,))
        tokens = service_tokens(
            AuthSettings(service=service), clock=lambda: self.now, use_token=remember_used(self.units, lambda: self.now)
        )
        assert tokens is not None
        self.resources = replace(self.resources, authenticate=EitherIssuer(self.resources.authenticate, tokens))
        self.app = create_app(self.resources, Settings(), routes=token_routes(self.resources, tokens))

    def assertion(self, *, key: ECKey | None = None, **change: Any) -> str:
        now = int(self.now.timestamp())
        claims = {
            "iss": "plugin-1",
            "sub": "plugin-1",
            "aud": URL,
            "iat": now,
            "exp": now + 60,
            "jti": uuid.uuid4().hex,
        }
        kept = {name: value for name, value in (claims | change).items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, kept, key or self.key)

    def ask_for_token(self, assertion: str, **form: str) -> httpx2.Response:
        sent = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": assertion}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", "/oauth/token", content=urlencode(sent | form).encode(), headers=headers)


def test_a_listed_program_gets_a_short_token_with_the_rights_of_the_settings(tmp_path: Path) -> None:
    hub = Programs(tmp_path, roles=("plugin",), sites=("NGH",), scopes=("system/ImagingStudy.rs", "system/Patient.rs"))
    given = hub.ask_for_token(hub.assertion()).json()
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 300)
    assert given["scope"] == "system/ImagingStudy.rs system/Patient.rs"
    caller = hub.resources.authenticate(f"Bearer {given['access_token']}")
    assert (caller.subject, caller.roles, caller.sites) == ("plugin-1", frozenset({Role.PLUGIN}), frozenset({"NGH"}))
    hub.index.register("NGH|0007", as_=ANA)
    query = "query($p: PatientRefInput) { person(patient: $p) { __typename } }"
    answer = hub.post(query, variables={"p": ANAS}, token=given["access_token"])
    assert answer.json()["data"]["person"]["__typename"] == "Person"
    narrower = hub.ask_for_token(hub.assertion(), scope="system/ImagingStudy.rs").json()
    refused = hub.post(query, variables={"p": ANAS}, token=narrower["access_token"]).json()
    assert refused["data"]["person"]["__typename"] == "NotAllowed"
    hub.now += dt.timedelta(seconds=331)
    assert hub.post(SITES, token=given["access_token"]).status_code == 401


def test_the_issuers_own_tokens_are_taken_beside(tmp_path: Path) -> None:
    hub = Programs(tmp_path)
    assert hub.post(SITES, Role.PHYSICIAN).status_code == 200
    assert hub.post(SITES, token="x.y.z").status_code == 401


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "plugin-2"}, "claim_iss"),
        ({"sub": "plugin-2"}, "claim_sub"),
        ({"sub": None}, "claim_sub"),
        ({"aud": "https://other.example"}, "claim_aud"),
        ({"exp": int(NOON.timestamp()) - 31}, "token_expired"),
        ({"exp": int(NOON.timestamp()) + 600}, "claim_exp"),
        ({"jti": None}, "claim_jti"),
        ({"key": ECKey.generate_key("P-256")}, "bad_signature"),
    ],
)
def test_an_assertion_that_is_not_good_gets_no_token(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    hub = Programs(tmp_path)
    answer = hub.ask_for_token(hub.assertion(**change))
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client", "error_description": reason})
    event = hub.audit()[-1]
    assert (event.action, event.actor, event.outcome, event.detail) == (
        "oauth:token", "anonymous", AuditOutcome.REFUSED, reason,
    )  # fmt: skip


def test_an_assertion_is_taken_once(tmp_path: Path) -> None:
    hub = Programs(tmp_path)
    assertion = hub.assertion()
    assert hub.ask_for_token(assertion).status_code == 200
    assert hub.ask_for_token(assertion).json()["error_description"] == "token_replayed"
    assert [e.outcome for e in hub.audit()] == [AuditOutcome.SUCCESS, AuditOutcome.REFUSED]


def test_an_assertion_that_another_process_took_is_not_taken(tmp_path: Path) -> None:
    hub = Programs(tmp_path)
    assertion = hub.assertion()
    assert hub.ask_for_token(assertion).status_code == 200
    restarted = Programs(tmp_path)
    (tmp_path / "program.json").write_text(json.dumps({"keys": [hub.key.as_dict(private=False)]}))
    restarted.store.committed = hub.store.committed
    assert restarted.ask_for_token(assertion).json()["error_description"] == "token_replayed"


def test_a_program_may_not_ask_for_tokens_without_end(tmp_path: Path) -> None:
    hub = Programs(tmp_path, rates=Rates(client=2))
    answers = [hub.ask_for_token(hub.assertion()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 0


def test_nobody_may_guess_assertions_without_end(tmp_path: Path) -> None:
    hub = Programs(tmp_path, rates=Rates(anonymous=2))
    answers = [hub.ask_for_token("x.y.z").status_code for _ in range(3)]
    assert answers == [401, 401, 429]
    assert len(hub.audit()) == 2


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "secret"}, "invalid_request"),
        ({"scope": "system/*.cruds"}, "invalid_scope"),
        ({"scope": "x" * 5000}, "invalid_request"),
    ],
)
def test_what_is_not_offered_is_refused(tmp_path: Path, form: dict[str, str], error: str) -> None:
    hub = Programs(tmp_path, scopes=("system/Patient.rs",))
    answer = hub.ask_for_token(hub.assertion(), **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("content", [b"", b"a", b"grant_type=x&grant_type=y", b"\xff=\xff"])
def test_a_body_that_is_no_form_is_refused(tmp_path: Path, content: bytes) -> None:
    hub = Programs(tmp_path)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert hub.request("POST", "/oauth/token", content=content, headers=headers).status_code == 400
    assert hub.request("POST", "/oauth/token", json={}).json()["error_description"] == "content_type"


def test_settings_that_cannot_give_tokens_are_refused(tmp_path: Path) -> None:
    (tmp_path / "no-key.pem").write_text("nothing")
    service = ServiceTokenSettings(url=URL, signing_key_file=tmp_path / "no-key.pem")
    with pytest.raises(ConfigurationError, match="signing_key_file"):
        service_tokens(AuthSettings(service=service), clock=lambda: NOON, use_token=once)
    assert service_tokens(AuthSettings(), clock=lambda: NOON, use_token=once) is None


# The command line


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    (tmp_path / "p.toml").write_text(
        f'store.url = "sqlite:///{tmp_path}/hub.db"\n'
        '[[sites]]\nid = "NGH"\nname = "North"\nassigning_authority = "NGH"\n'
    )

    def command(*words: str, code: int = 0) -> Any:
        assert run([*words, "--config", str(tmp_path / "p.toml"), "--json"]) == code
        said = capsys.readouterr()
        return json.loads(said.out) if code == 0 else said.err

    command("db", "upgrade")
    return command


def test_tokens_are_revoked_from_the_command_line(commands: Callable[..., Any], tmp_path: Path) -> None:
    assert commands("tokens", "revoke", "--subject", "dr-1")["kind"] == "subject"
    commands("tokens", "revoke", "--token-id", "t-1")
    assert [(r["kind"], r["value"]) for r in commands("tokens", "list")["revoked"]] == [
        ("subject", "dr-1"),
        ("token", "t-1"),
    ]
    assert "one of --subject and --token-id" in commands("tokens", "revoke", code=3)


def test_consent_is_recorded_from_the_command_line(commands: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(
        "facility,mrn,family,given,birth_date,sex\nNGH,0007,Quillfeather,Ana,1984-03-12,F\n"
    )
    commands("mpi", "load", str(tmp_path / "people.csv"))
    commands("consent", "record", "NGH|0007", "deny", "--scope", "site", "--target", "NGH")
    commands("consent", "record", "NGH|0007", "permit", "--scope", "site", "--target", "NGH")
    kept = commands("consent", "list", "NGH|0007")["directives"]
    assert [(d["effect"], d["scope"], d["target"], d["recorded_by"]) for d in kept] == [
        ("deny", "site", "NGH", "command-line"),
        ("permit", "site", "NGH", "command-line"),
    ]
    for words, said in (
        (("NGH|nobody", "deny"), "no active record"),
        (("0007", "deny"), "AUTHORITY|NUMBER"),
        (("NGH|0007", "forbid"), "must be one of"),
        (("NGH|0007", "deny", "--scope", "site", "--target", "X"), "--target"),
    ):
        assert said in commands("consent", "record", *words, code=3)
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db")
    with unit_of_work_factory(engine)() as uow:
        actions = [event.action for event in newest_events(uow, limit=9)]
    engine.dispose()
    assert actions.count("recordConsent") == 2
    assert "consents" in actions


def test_a_served_hub_looks_at_the_list(tmp_path: Path) -> None:
    issuer = DemoIssuer()
    (tmp_path / "jwks.json").write_text(json.dumps(issuer.jwks))
    auth = AuthSettings(issuer=issuer.issuer, jwks_file=tmp_path / "jwks.json", revocation_seconds=0)
    hub = build_hub(Settings(store=StoreSettings(url=f"sqlite:///{tmp_path}/hub.db"), auth=auth), migrate=True)
    app = hub_app(hub, is_stopping=lambda: False)
    token = issuer.sign(issuer.claims(Role.ADMIN) | {"jti": "t-1"})

    async def ask() -> tuple[int, int]:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://hub.example") as client:
            headers = {"Authorization": f"Bearer {token}"}
            before = await client.post("/graphql", json={"query": SITES}, headers=headers)
            with hub.units() as uow:
                revoke_tokens(
                    RevokedKind.TOKEN, "t-1", revoked_by="a", longest_life=dt.timedelta(days=1), uow=uow, clock=utc_now
                )
                uow.commit()
            after = await client.post("/graphql", json={"query": SITES}, headers=headers)
            await hub.aclose()
            return before.status_code, after.status_code

    assert asyncio.run(ask()) == (200, 401)
