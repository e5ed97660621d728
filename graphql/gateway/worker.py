"""Background work: carries outbox rows to workers, which judge orders and tell of alerts (``outbox_work``).

outbox row -> relay -> broker -> actor (id only) -> what its kind asks for -> row done
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from adapters.tasks.actors import register_actors
from adapters.tasks.broker import UnusableBroker, close_broker, make_broker
from adapters.tasks.relay import Relay
from adapters.tasks.worker import InProcessWorker
from federation.usecases.reassess_alerts import reassess_alerts
from gateway.bootstrap import Hub
from gateway.clock import utc_now
from gateway.errors import ConfigurationError
from gateway.loop_thread import LoopThread
from mpi.identity.identifiers import EnterpriseId

log = structlog.get_logger("priorlink.worker")


def outbox_handler(hub: Hub, loop: LoopThread) -> Callable[[int], None]:
    """What the actor does with one outbox id. At least once: a repeat of a done row does nothing.

    The row is not held while archives are asked: on SQLite that would keep every other writer out.
    """

    def handle(outbox_id: int) -> None:
        with hub.units() as uow:
            message = uow.outbox.get(outbox_id)
        if message is None:
            return
        persons = message.body.get("enterprise_ids", [])
        ids = [EnterpriseId(str(p)) for p in persons] if isinstance(persons, list) else []
        revised = loop.run(
            reassess_alerts(
                ids,
                units=hub.units,
                read=hub.read,
                directory=hub.directory,
                procedure_of=hub.procedure_of,
                rules=hub.rules,
                deadline_seconds=hub.settings.federation.deadline_ms / 1000,
                clock=utc_now,
            )
        )
        with hub.units() as uow:
            uow.outbox.mark_done(outbox_id, at=utc_now())
            uow.commit()
        log.info("outbox_message_handled", outbox_id=outbox_id, revised_count=revised)

    return handle


@contextmanager
def running_worker(hub: Hub) -> Iterator[Relay]:
    """A relay and a worker with the hub's broker, until the block is left; the message in hand is finished.

    The hub must be one of the worker's own: its connections to archives live in the worker's event loop.
    """
    try:
        broker = make_broker(hub.settings.tasks.broker_url)
    except UnusableBroker as error:
        raise ConfigurationError(f"tasks.broker_url: {error}") from error
    with LoopThread("worker-archives") as loop:
        actor = register_actors(broker, handle=outbox_handler(hub, loop))
        relay = Relay(hub.units, actor.send, utc_now)
        worker = InProcessWorker(broker, threads=hub.settings.tasks.threads)
        try:
            with worker, relay:
                yield relay
        finally:
            close_broker(broker)
            loop.run(hub.directory.aclose())
