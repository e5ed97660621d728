"""A database with an outbox, a handler with an effect that can be counted, and a worker process to be killed.

Run as a program (``database URL, broker URL or "none"``), it takes a message, writes its effect, says ``claimed`` and
then waits in the middle of the transaction.
"""

import datetime as dt
import sys
import threading
from collections.abc import Callable

from adapters.store.engine import make_engine
from adapters.store.unit_of_work import SqlUnitOfWork, unit_of_work_factory
from adapters.tasks.actors import register_actors
from adapters.tasks.broker import make_broker
from adapters.tasks.relay import relay_once
from adapters.tasks.worker import InProcessWorker
from mpi.audit import AuditEvent, AuditOutcome
from mpi.events import IdentityChange, PersonChanged
from mpi.identity.identifiers import EnterpriseId
from tests.builders import newest_events

NOW = dt.datetime(2026, 3, 2, 10, 0, tzinfo=dt.UTC)
Begin = Callable[[], SqlUnitOfWork]


def publish(begin: Begin, *persons: str) -> None:
    """One event a person, in one transaction."""
    with begin() as unit:
        for person in persons:
            unit.events.publish(PersonChanged(IdentityChange.RECORD_MOVED, (EnterpriseId(person),), NOW))
        unit.commit()


def make_handler(begin: Begin, *, before_commit: Callable[[int], None] = lambda _: None) -> Callable[[int], None]:
    """A handler whose effect is one audit event a message."""

    def handle(outbox_id: int) -> None:
        with begin() as unit:
            message = unit.outbox.get(outbox_id)
            if message is None:
                return
            unit.audit.append(AuditEvent(NOW, "worker", "", "reassess", AuditOutcome.SUCCESS, detail=str(outbox_id)))
            unit.outbox.mark_done(outbox_id, at=NOW)
            before_commit(outbox_id)
            unit.commit()

    return handle


def effects(begin: Begin) -> list[int]:
    """The messages that had their effect, as often as they had it."""
    with begin() as unit:
        return sorted(int(event.detail) for event in newest_events(unit, limit=1000))


def waiting(begin: Begin, *, now: dt.datetime = NOW + dt.timedelta(days=1)) -> list[int]:
    """The messages that are not done."""
    with begin() as unit:
        return [message.outbox_id for message in unit.outbox.due(limit=1000, now=now, retry_after_seconds=0)]


def main(database_url: str, broker_url: str) -> None:
    begin = unit_of_work_factory(make_engine(database_url))

    def stay(_outbox_id: int) -> None:
        sys.stdout.write("claimed\n")
        sys.stdout.flush()
        threading.Event().wait()

    broker = make_broker(None if broker_url == "none" else broker_url)
    actor = register_actors(broker, handle=make_handler(begin, before_commit=stay))
    relay_once(begin, actor.send, lambda: NOW)
    InProcessWorker(broker, threads=1).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
