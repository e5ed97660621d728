"""``priorlink tokens``: take tokens back before they run out, and see what is taken back."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import typer

from gateway.cli.output import ConfigOption, JsonOption, emit, say
from gateway.clock import utc_now
from gateway.errors import InputRefused
from gateway.settings import Settings, load_settings
from mpi.audit import AuditEvent, AuditOutcome
from mpi.caller_revocations import Revocation, RevokedKind
from mpi.usecases.revoke_tokens import revoke_tokens

app = typer.Typer(help="tokens of callers", no_args_is_help=True)
ACTOR = "command-line"
_LONGEST = 255


@app.command("revoke")
def revoke(
    subject: Annotated[str | None, typer.Option("--subject", help="every token this sub was given so far")] = None,
    token_id: Annotated[str | None, typer.Option("--token-id", help="the one token with this jti")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Take back a token or a subject's tokens; every process of the hub notices within a minute."""
    if (subject is None) == (token_id is None):
        raise InputRefused("give one of --subject and --token-id")
    kind = RevokedKind.SUBJECT if token_id is None else RevokedKind.TOKEN
    value = (subject or token_id or "").strip()
    if not 0 < len(value) <= _LONGEST:
        raise InputRefused(f"--subject, --token-id: 1 to {_LONGEST} characters")
    from adapters.store.unit_of_work import SqlUnitOfWork
    from gateway.bootstrap import open_store

    settings = load_settings(config)
    engine = open_store(settings)
    with SqlUnitOfWork(engine) as uow:
        kept = revoke_tokens(
            kind, value, revoked_by=ACTOR, longest_life=_longest_life(settings), uow=uow, clock=utc_now
        )
        uow.audit.append(AuditEvent(utc_now(), ACTOR, "", "tokens revoke", AuditOutcome.SUCCESS, detail=kind.value))
        uow.commit()
    engine.dispose()
    if as_json:
        emit(_document(kept))
    else:
        say(f"taken back until {kept.until.isoformat()}: stop it at the issuer too")
    return 0


@app.command("list")
def list_revoked(config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """What is taken back and may still be shown by somebody."""
    from adapters.store.unit_of_work import SqlUnitOfWork
    from gateway.bootstrap import open_store

    engine = open_store(load_settings(config))
    with SqlUnitOfWork(engine, read_only=True) as uow:
        kept = uow.revocations.in_force(at=utc_now())
    engine.dispose()
    if as_json:
        emit({"revoked": [_document(one) for one in kept]})
    else:
        for one in kept:
            say(f"{one.kind.value} {one.value} by {one.revoked_by} until {one.until.isoformat()}")
    return 0


def _longest_life(settings: Settings) -> dt.timedelta:
    return dt.timedelta(hours=settings.auth.longest_token_hours, seconds=settings.auth.leeway_seconds)


def _document(one: Revocation) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "value": one.value,
        "revoked_at": one.revoked_at.isoformat(),
        "revoked_by": one.revoked_by,
        "until": one.until.isoformat(),
    }
