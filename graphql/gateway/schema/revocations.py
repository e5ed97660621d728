"""Taking tokens back before they run out."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from gateway.context import HubInfo
from gateway.schema.inputs import InputProblem, read_text
from gateway.schema.refusals import InvalidInput, NotAllowed
from gateway.token_acts import revoke_and_read
from mpi.caller_revocations import RevokedKind


@strawberry.type(description="The tokens are taken back. Every process of the hub notices within a minute.")
class TokensRevoked:
    revoked_at: dt.datetime = strawberry.field(description="Tokens given until then are taken back.")
    until: dt.datetime = strawberry.field(description="All of them have run out by then.")

    def is_audited(self) -> bool:
        """The entry was written in the transaction of the revocation."""
        return True


RevokeTokensResult: TypeAlias = Annotated[
    TokensRevoked | InvalidInput | NotAllowed,
    strawberry.union("RevokeTokensResult", description="What is taken back, or why nothing was changed."),
]


async def resolve_revoke_tokens(
    info: HubInfo, subject: str | None = None, token_id: str | None = None
) -> RevokeTokensResult:
    """Take back a subject's tokens, or one token."""
    if (subject is None) == (token_id is None):
        raise InputProblem("one_way_needed", "subject", "give one of subject and tokenId")
    kind, field = (RevokedKind.SUBJECT, "subject") if token_id is None else (RevokedKind.TOKEN, "tokenId")
    value = read_text(subject or token_id or "", field).strip()
    if not value:
        raise InputProblem("empty", field, "must not be empty")
    kept = await asyncio.to_thread(revoke_and_read, kind, value, info.context)
    return TokensRevoked(revoked_at=kept.revoked_at, until=kept.until)
