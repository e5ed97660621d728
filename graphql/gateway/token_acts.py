"""Taking tokens back, with the audit entry in the same transaction. Sync, for a thread."""

from __future__ import annotations

from federation.ports import UnitOfWork
from gateway.context import HubContext
from gateway.permissions import role_used
from mpi.audit import AuditOutcome
from mpi.caller_revocations import Revocation, RevokedKind
from mpi.units import carry_out
from mpi.usecases.revoke_tokens import revoke_tokens


def revoke_and_read(kind: RevokedKind, value: str, context: HubContext) -> Revocation:
    """Take it back, audit it, commit."""
    resources, operation = context.resources, "revokeTokens"

    def revoke(uow: UnitOfWork) -> Revocation:
        kept = revoke_tokens(
            kind,
            value,
            revoked_by=context.caller.subject,
            longest_life=resources.longest_token_life,
            uow=uow,
            clock=resources.clock,
        )
        role = role_used(operation, context.caller.roles)
        uow.audit.append(context.audit_event(operation, AuditOutcome.SUCCESS, role=role, detail=kind.value))
        uow.commit()
        return kept

    return carry_out(resources.units, revoke)
