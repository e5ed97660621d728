"""Callers who are no longer let in although their tokens have not expired: by token, or by subject."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class RevokedKind(Enum):
    """What is taken back: one token (``jti``), or every token that a subject was given so far."""

    TOKEN = "token"  # noqa: S105 - a kind, no secret
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Revocation:
    """One taking back. ``until``: every token that it is about has expired by then."""

    kind: RevokedKind
    value: str
    revoked_at: dt.datetime
    revoked_by: str
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class DenyList:
    """What is taken back, for one look per request."""

    token_ids: frozenset[str] = frozenset()
    subjects: frozenset[tuple[str, dt.datetime]] = frozenset()

    @classmethod
    def of(cls, revocations: Iterable[Revocation]) -> DenyList:
        """From the list as it is kept."""
        listed = list(revocations)
        return cls(
            frozenset(one.value for one in listed if one.kind is RevokedKind.TOKEN),
            frozenset((one.value, one.revoked_at) for one in listed if one.kind is RevokedKind.SUBJECT),
        )

    def denies(self, subject: str, token_id: str | None, issued_at: dt.datetime | None) -> bool:
        """Whether a token is taken back. A subject's tokens are, unless they were given afterwards."""
        if token_id is not None and token_id in self.token_ids:
            return True
        return any(subject == denied and (issued_at is None or issued_at <= at) for denied, at in self.subjects)
