"""``priorlink consent``: record what a person said of sharing, and show it."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, TypeVar

import typer

from federation.errors import UnknownSite, UnknownStudyClass
from federation.sites.consent import ConsentDirective, ConsentEffect, ConsentScope
from federation.usecases.record_consent import RecordConsent, record_consent
from federation.usecases.see_person import all_numbers
from gateway.cli.output import ConfigOption, JsonOption, emit, say
from gateway.clock import new_id, utc_now
from gateway.errors import InputRefused
from gateway.settings import load_settings
from mpi.audit import AuditEvent, AuditOutcome
from mpi.errors import InvalidIdentifier, UnknownIdentifier
from mpi.identity.identifiers import PatientIdentifier
from mpi.usecases.resolve_identity import resolve_patient

app = typer.Typer(help="what persons do not want shared", no_args_is_help=True)
ACTOR = "command-line"
E = TypeVar("E", bound=Enum)
PatientArgument = Annotated[str, typer.Argument(help="AUTHORITY|NUMBER", metavar="PATIENT")]


@app.command("record")
def record(
    patient: PatientArgument,
    effect: Annotated[str, typer.Argument(help="deny or permit")],
    scope: Annotated[str, typer.Option("--scope", help="everything, site or study_class")] = "everything",
    target: Annotated[str, typer.Option("--target", help="site id or study class")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Keep what a person said. Nothing is ever changed: permit takes a deny back."""
    from gateway.bootstrap import build_hub

    command = RecordConsent(
        _identifier(patient), _one_of(ConsentScope, scope), target, _one_of(ConsentEffect, effect), ACTOR, ACTOR
    )
    hub = build_hub(load_settings(config))
    try:
        with hub.units() as uow:
            identity, kept = record_consent(command, uow=uow, directory=hub.directory, clock=utc_now, new_id=new_id)
            detail = f"{command.effect.value}:{command.scope.value}"
            subject = identity.enterprise_id
            uow.audit.append(
                AuditEvent(utc_now(), ACTOR, "", "recordConsent", AuditOutcome.SUCCESS, subject=subject, detail=detail)
            )
            uow.commit()
    except UnknownIdentifier:
        raise InputRefused("no active record is behind the patient") from None
    except (UnknownSite, UnknownStudyClass):
        raise InputRefused("--target: no site or study class is registered so") from None
    finally:
        hub.engine.dispose()
    return _show(kept, as_json)


@app.command("list")
def list_consents(patient: PatientArgument, config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Everything that is kept of a person's consent, oldest first."""
    from adapters.store.unit_of_work import SqlUnitOfWork
    from gateway.bootstrap import open_store

    engine = open_store(load_settings(config))
    try:
        with SqlUnitOfWork(engine) as uow:
            identity = resolve_patient(_identifier(patient), uow=uow)
            kept = uow.consents.of(all_numbers(identity))
            uow.audit.append(
                AuditEvent(utc_now(), ACTOR, "", "consents", AuditOutcome.SUCCESS, subject=identity.enterprise_id)
            )
            uow.commit()
    except UnknownIdentifier:
        raise InputRefused("no active record is behind the patient") from None
    finally:
        engine.dispose()
    return _show(kept, as_json)


def _show(kept: tuple[ConsentDirective, ...], as_json: bool) -> int:
    if as_json:
        emit({"directives": [_document(one) for one in kept]})
    else:
        for one in kept:
            said = f"{one.effect.value} {one.scope.value} {one.target}".rstrip()
            say(f"{one.recorded_at.isoformat()} {one.identifier.assigning_authority}: {said} by {one.recorded_by}")
    return 0


def _document(one: ConsentDirective) -> dict[str, Any]:
    return {
        "directive_id": one.directive_id,
        "identifier": str(one.identifier),
        "scope": one.scope.value,
        "target": one.target,
        "effect": one.effect.value,
        "recorded_at": one.recorded_at.isoformat(),
        "recorded_by": one.recorded_by,
        "source": one.source,
    }


def _identifier(text: str) -> PatientIdentifier:
    authority, _, number = text.partition("|")
    try:
        return PatientIdentifier(authority, number)
    except InvalidIdentifier:
        raise InputRefused("PATIENT: must be AUTHORITY|NUMBER") from None


def _one_of(kind: type[E], text: str) -> E:
    try:
        return kind(text.strip().lower())
    except ValueError:
        raise InputRefused(f"must be one of {', '.join(str(one.value) for one in kind)}") from None
