"""What persons said of sharing, who looked past it, and which tokens are taken back, in the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from functools import cache
from typing import Any

import sqlalchemy as sa

from adapters.store.standing import standing_rows
from adapters.store.statements import named_among, names_one_of, rows
from adapters.store.tables import broken_glass, consent_directive, revoked_token
from federation.sites.consent import BrokenGlass, ConsentDirective
from mpi.caller_revocations import Revocation
from mpi.identity.identifiers import EnterpriseId, PatientIdentifier

_said = consent_directive.c
_glass = broken_glass.c
_GLASSES_OF = (
    sa.select(broken_glass)
    .where(
        _glass.enterprise_id == sa.bindparam("person"),
        _glass.caller == sa.bindparam("looking"),
        _glass.expires_at > sa.bindparam("at"),
        _glass.opened_at <= sa.bindparam("at"),
    )
    .order_by(_glass.glass_number.desc())
)


@cache
def _said_of(dialect: str, authorities: int) -> sa.Executable:
    theirs = names_one_of(dialect, _said.assigning_authority, _said.local_patient_id, authorities)
    return sa.select(consent_directive).where(theirs).order_by(_said.directive_number)


class SqlConsentRepository:
    """``federation.ports.ConsentRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, directive: ConsentDirective) -> None:
        values = {
            "directive_id": directive.directive_id,
            "assigning_authority": directive.identifier.assigning_authority,
            "local_patient_id": directive.identifier.local_patient_id,
            "scope": directive.scope,
            "target": directive.target,
            "effect": directive.effect,
            "recorded_at": directive.recorded_at,
            "recorded_by": directive.recorded_by,
            "source": directive.source,
        }
        self._connection.execute(sa.insert(consent_directive), values)

    def of(self, identifiers: Collection[PatientIdentifier]) -> tuple[ConsentDirective, ...]:
        if not identifiers:
            return ()
        authorities, parameters = named_among(self._connection.dialect.name, identifiers)
        statement = _said_of(self._connection.dialect.name, authorities)
        return tuple(_directive(row) for row in standing_rows(self._connection, statement, parameters))

    def act(self, directive_id: str) -> tuple[ConsentDirective, ...]:
        theirs = sa.select(consent_directive).where(_said.directive_id == directive_id)
        return tuple(_directive(row) for row in rows(self._connection, theirs.order_by(_said.directive_number)))

    def break_glass(self, glass: BrokenGlass) -> None:
        values = {
            "glass_id": glass.glass_id,
            "enterprise_id": glass.enterprise_id,
            "identifiers": [[i.assigning_authority, i.local_patient_id] for i in glass.identifiers],
            "caller": glass.caller,
            "reason": glass.reason,
            "opened_at": glass.opened_at,
            "expires_at": glass.expires_at,
        }
        self._connection.execute(sa.insert(broken_glass), values)

    def glasses_of(self, caller: str, enterprise_id: EnterpriseId, *, at: dt.datetime) -> tuple[BrokenGlass, ...]:
        asked = {"person": enterprise_id, "looking": caller, "at": at}
        return tuple(_broken(row) for row in standing_rows(self._connection, _GLASSES_OF, asked))

    def newest_glasses(self, *, limit: int) -> tuple[BrokenGlass, ...]:
        statement = sa.select(broken_glass).order_by(_glass.glass_number.desc()).limit(limit)
        return tuple(_broken(row) for row in rows(self._connection, statement))

    def glass(self, glass_id: str) -> BrokenGlass | None:
        found = rows(self._connection, sa.select(broken_glass).where(_glass.glass_id == glass_id))
        return _broken(found[0]) if found else None


class SqlRevocationRepository:
    """``mpi.ports.RevocationRepository`` on a connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, revocation: Revocation) -> None:
        values = {
            "kind": revocation.kind,
            "value": revocation.value,
            "revoked_at": revocation.revoked_at,
            "revoked_by": revocation.revoked_by,
            "until": revocation.until,
        }
        self._connection.execute(sa.insert(revoked_token), values)

    def in_force(self, *, at: dt.datetime) -> tuple[Revocation, ...]:
        statement = sa.select(revoked_token).where(revoked_token.c.until > at)
        oldest_first = statement.order_by(revoked_token.c.revocation_number)
        return tuple(
            Revocation(row["kind"], row["value"], row["revoked_at"], row["revoked_by"], row["until"])
            for row in rows(self._connection, oldest_first)
        )


def _directive(row: Any) -> ConsentDirective:
    return ConsentDirective(
        directive_id=row["directive_id"],
        identifier=PatientIdentifier(row["assigning_authority"], row["local_patient_id"]),
        scope=row["scope"],
        target=row["target"],
        effect=row["effect"],
        recorded_at=row["recorded_at"],
        recorded_by=row["recorded_by"],
        source=row["source"],
    )


def _broken(row: Any) -> BrokenGlass:
    return BrokenGlass(
        glass_id=row["glass_id"],
        enterprise_id=EnterpriseId(row["enterprise_id"]),
        identifiers=tuple(PatientIdentifier(authority, number) for authority, number in row["identifiers"]),
        caller=row["caller"],
        reason=row["reason"],
        opened_at=row["opened_at"],
        expires_at=row["expires_at"],
    )
