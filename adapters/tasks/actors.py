"""What workers do. An actor takes ids and nothing else: brokers store arguments, and dramatiq prints them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import PurePath

import dramatiq

ACTOR_NAME = "handle_outbox_message"
QUEUE_NAME = "priorlink"


class OutboxMessageFailed(Exception):
    """Handling failed. The text names the message, the kind of error and the line, nothing of what it was about."""


def register_actors(
    broker: dramatiq.Broker,
    *,
    handle: Callable[[int], None],
    max_retries: int = 5,
    min_backoff_ms: int = 1_000,
    max_backoff_ms: int = 15_000,
) -> dramatiq.Actor[[int], None]:
    """Register the actor ``handle_outbox_message(outbox_id)`` on the broker and return it.

    ``handle`` gets the id of an outbox row, at least once; it opens a unit of work, asks ``outbox.get`` (``None``: done
    before, nothing to do), and marks the row done in the transaction of its effect. A message that failed
    ``max_retries`` times more is dropped here; its row stays, and the relay hands it over again later.
    """

    def handle_outbox_message(outbox_id: int) -> None:
        try:
            handle(outbox_id)
        except Exception as error:  # noqa: BLE001 - see below
            # An edge: whatever it was is logged and kept by the broker, and its text may quote a person.
            raise OutboxMessageFailed(f"outbox message {outbox_id}: {_place_and_kind(error)}") from None

    return dramatiq.actor(
        broker=broker,
        actor_name=ACTOR_NAME,
        queue_name=QUEUE_NAME,
        max_retries=max_retries,
        min_backoff=min_backoff_ms,
        max_backoff=max_backoff_ms,
    )(handle_outbox_message)


def _place_and_kind(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {PurePath(frame.filename).name}:{frame.lineno}"
