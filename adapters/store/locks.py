"""Locks by key that last until the transaction ends.

PostgreSQL: advisory transaction locks on 64-bit hashes of the keys. Two keys with one hash only wait for each other
needlessly. SQLite needs none: a write transaction is immediate, so its holder is the only writer of all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_TAKE = sa.text("SELECT pg_advisory_xact_lock(hash) FROM unnest(:hashes) AS hash").bindparams(
    sa.bindparam("hashes", type_=postgresql.ARRAY(sa.BigInteger))
)


def take_locks(connection: sa.Connection, keys: Collection[str]) -> bool:
    """Wait for all keys, in an order that every caller shares, so that two callers never wait for each other.

    True when others may have written before the locks were ours.
    """
    if not keys or connection.dialect.name != "postgresql":
        return False
    connection.execute(_TAKE, {"hashes": sorted({lock_hash(key) for key in keys})}).all()
    return True


def lock_hash(key: str) -> int:
    """A signed 64-bit number for the key, the same in every process."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
