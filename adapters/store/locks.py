"""Locks by key that last until the transaction ends.

PostgreSQL: advisory transaction locks on 64-bit hashes of the keys. Two keys with one hash only get in each other's way
needlessly. SQLite needs none: a write transaction is immediate, so its holder is the only writer of all.

Who holds no lock waits; who holds some does not wait for more: it would be how two units come to wait for each other.
The one exception is a lock that is always the last one (``take_last_lock``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from adapters.store.standing import run_standing, standing_rows
from mpi.units import UnitConflict

_HASHES = sa.bindparam("hashes", type_=postgresql.ARRAY(sa.BigInteger))
_WAIT = sa.text("SELECT pg_advisory_xact_lock(hash) FROM unnest(:hashes) AS hash").bindparams(_HASHES)
_SHARE_AND_WAIT = sa.text(
    "SELECT CASE WHEN hash = :everybody THEN pg_advisory_xact_lock_shared(hash) IS NULL"
    " ELSE pg_advisory_xact_lock(hash) IS NULL END FROM unnest(:hashes) AS hash"
).bindparams(_HASHES, sa.bindparam("everybody", type_=sa.BigInteger))
_LOCK_OUT = sa.text("SELECT pg_advisory_xact_lock(:everybody)")
_TRY = (
    sa.text("SELECT bool_and(pg_try_advisory_xact_lock(hash)) AS are_ours FROM unnest(:hashes) AS hash")
    .bindparams(_HASHES)
    .columns(sa.column("are_ours", sa.Boolean))
)


class HeldLocks:
    """The locks of one transaction."""

    def __init__(self) -> None:
        self._keys: frozenset[str] = frozenset()
        self._is_alone = False

    def take(self, connection: sa.Connection, keys: Collection[str]) -> bool:
        """Get the keys, waiting only for the first ones, in an order that every caller shares.

        True when others may have written before the locks were ours.

        Raises:
            UnitConflict: somebody else holds one of the keys, and this transaction holds others.
        """
        wanted = frozenset(keys) - self._keys
        if not wanted or self._is_alone or connection.dialect.name != "postgresql":
            return False
        hashes = {"hashes": sorted({lock_hash(key) for key in wanted})}
        if not self._keys:
            # First of all the lock that everybody shares, so that one who wants to be alone can wait for all.
            shared = {"everybody": _EVERYBODY, "hashes": [_EVERYBODY, *hashes["hashes"]]}
            run_standing(connection, _SHARE_AND_WAIT, shared)
        elif not standing_rows(connection, _TRY, hashes)[0]["are_ours"]:
            raise UnitConflict(self._keys | wanted)
        self._keys |= wanted
        return True

    def take_all(self, connection: sa.Connection) -> None:
        """Wait until nobody holds a lock of any key, and keep everybody from having one."""
        if connection.dialect.name == "postgresql":
            connection.execute(_LOCK_OUT, {"everybody": _EVERYBODY}).all()
            connection.execute(_PLAN_ANEW)
        self._is_alone = True


def take_last_lock(connection: sa.Connection, key: str) -> None:
    """Wait for a lock after which a transaction takes no other: nobody waits for its holder's other locks and it."""
    if connection.dialect.name == "postgresql":
        run_standing(connection, _WAIT, {"hashes": [lock_hash(key)]})


def lock_hash(key: str) -> int:
    """A signed 64-bit number for the key, the same in every process."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


_EVERYBODY = lock_hash("everybody")
_PLAN_ANEW = sa.text("SET LOCAL plan_cache_mode = force_custom_plan")
"""Who is alone writes very much: a plan made while the tables were small would read them whole once they are large."""
