"""What checking a token costs, and whether *hidden* can be told from *unknown* by the clock.

The baseline of the token check is the bare signature check of the same token with the same library in the same run. The
second figure asks a hub on SQLite over HTTP for a person who opted out and for a number that nobody has, in turn.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import httpx2
from joserfc import jwt
from joserfc.jwk import KeySet

from bench.timings import summary, timed
from federation.sites.consent import ConsentEffect, ConsentScope
from federation.usecases.record_consent import RecordConsent, record_consent
from gateway.access_settings import AuthSettings
from gateway.bootstrap import Hub, build_hub
from gateway.clock import new_id, utc_now
from gateway.demo_issuer import DemoIssuer
from gateway.observability import configure_logging
from gateway.permissions import Role
from gateway.serving import hub_app, hub_authenticate
from gateway.settings import Settings, SiteSettings, StoreSettings
from mpi.identity.demographics import Demographics, PartialDate, PersonName
from mpi.identity.identifiers import PatientIdentifier
from mpi.identity.updates import DemographicsUpdate
from mpi.usecases.register_record import RegisterRecord, register_record

TOKENS = 20_000
ROUNDS = 1_000
ALLOWED_MS = 0.3
_QUERY = (
    'query($n: String!) { imagingHistory(patient: {assigningAuthority: "NGH", localPatientId: $n}) { __typename } }'
)


def run(tokens: int = TOKENS, rounds: int = ROUNDS) -> dict[str, object]:
    """Measure; milliseconds throughout."""
    issuer = DemoIssuer()
    configure_logging(io.StringIO())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "jwks.json").write_text(json.dumps(issuer.jwks), encoding="utf-8")
        settings = Settings(
            store=StoreSettings(url=f"sqlite:///{folder / 'hub.db'}"),
            auth=AuthSettings(issuer=issuer.issuer, jwks_file=folder / "jwks.json"),
            sites=(SiteSettings(id="NGH", name="North", assigning_authority="NGH"),),
        )
        hub = build_hub(settings, migrate=True)
        _people(hub)
        measured = {"token_check": _token_check(hub, issuer, tokens), "hidden_or_unknown": _timing(hub, issuer, rounds)}
        hub.engine.dispose()
        return measured


def _people(hub: Hub) -> None:
    """Forty people, every other one of whom opted out."""
    for number in range(40):
        identifier = PatientIdentifier("NGH", f"{number:04d}")
        name = PersonName(f"Invented{number}", f"Person{number}")
        said = Demographics(name=name, birth_date=PartialDate(1950 + number, 1, 1 + number % 28))
        command = RegisterRecord("NGH", (identifier,), DemographicsUpdate(said), utc_now(), "bench", "NGH")
        with hub.units() as uow:
            register_record(command, uow=uow, matcher=hub.matcher, clock=utc_now, new_id=new_id)
            if number % 2:
                denied = RecordConsent(
                    identifier, ConsentScope.EVERYTHING, "", ConsentEffect.DENY, recorded_by="bench", source="bench"
                )
                record_consent(denied, uow=uow, directory=hub.directory, clock=utc_now, new_id=new_id)
            uow.commit()


def _token_check(hub: Hub, issuer: DemoIssuer, count: int) -> dict[str, object]:
    """Signature, claims, scopes, sites and the list of revocations: all that a request pays for who asks."""
    authenticate = hub_authenticate(hub, None)
    claims = issuer.claims(Role.PHYSICIAN) | {"jti": "t-1", "sites": ["NGH"], "scope": "user/ImagingStudy.rs"}
    token = issuer.sign(claims)
    keys = KeySet.import_key_set(issuer.jwks)
    whole = timed(lambda: authenticate(f"Bearer {token}"), count)
    bare = timed(lambda: jwt.decode(token, keys), count)
    return {
        "whole": summary(whole, 3),
        "bare_signature": summary(bare, 3),
        "within_0_3_ms_at_median": statistics.median(whole) <= ALLOWED_MS,
        "rounds": count,
    }


def _timing(hub: Hub, issuer: DemoIssuer, rounds: int) -> dict[str, object]:
    return asyncio.run(_ask_in_turn(hub, issuer, rounds))


async def _ask_in_turn(hub: Hub, issuer: DemoIssuer, rounds: int) -> dict[str, object]:
    app = hub_app(hub, is_stopping=lambda: False)
    headers = {"Authorization": f"Bearer {issuer.token(Role.PHYSICIAN)}"}
    times: dict[str, list[float]] = {"hidden": [], "unknown": []}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://hub.example") as client:
        for number in range(rounds):
            order = [("hidden", f"{2 * (number % 20) + 1:04d}"), ("unknown", f"X{number:04d}")]
            random.shuffle(order)
            for kind, patient in order:
                body = {"query": _QUERY, "variables": {"n": patient}}
                started = time.perf_counter()
                answer = await client.post("/graphql", json=body, headers=headers)
                times[kind].append((time.perf_counter() - started) * 1000)
                if answer.json()["data"]["imagingHistory"]["__typename"] != "PatientNotFound":
                    raise AssertionError(answer.text)
    hidden, unknown = (statistics.median(times[kind]) for kind in ("hidden", "unknown"))
    return {
        **{kind: summary(one, 3) for kind, one in times.items()},
        "difference_of_medians": round(hidden - unknown, 3),
        "guessed_right": _guessed_right(times),
        "rounds": rounds,
    }


def _guessed_right(times: dict[str, list[float]]) -> float:
    """How often somebody who calls the slower of two answers the hidden one is right: 0.5 is a coin."""
    pairs = list(zip(times["hidden"], times["unknown"], strict=True))
    return round(sum(hidden > unknown for hidden, unknown in pairs) / len(pairs), 3)
