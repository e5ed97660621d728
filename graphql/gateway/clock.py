"""The present, and ids that were never given before: what use cases get from outside."""

from __future__ import annotations

import datetime as dt
import uuid


def utc_now() -> dt.datetime:
    """The present as an aware UTC instant."""
    return dt.datetime.now(dt.UTC)


def new_id() -> str:
    """A random id; says nothing about what it names."""
    return uuid.uuid4().hex
