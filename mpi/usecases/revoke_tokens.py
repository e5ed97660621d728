"""Take back a token, or every token that a subject was given so far."""

from __future__ import annotations

import datetime as dt

from mpi.caller_revocations import Revocation, RevokedKind
from mpi.ports import Clock, UnitOfWork


def revoke_tokens(
    kind: RevokedKind, value: str, *, revoked_by: str, longest_life: dt.timedelta, uow: UnitOfWork, clock: Clock
) -> Revocation:
    """The revocation as it is kept. ``longest_life``: how long a token can live, so that the list does not grow.

    What is given afterwards is good: whoever must stay out must be stopped at the issuer too.
    """
    now = clock()
    revocation = Revocation(kind, value, now, revoked_by, now + longest_life)
    uow.revocations.append(revocation)
    return revocation
