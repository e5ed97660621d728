"""Background work: carries outbox rows to workers, which judge orders and tell of alerts (``outbox_work``).

outbox row -> relay -> broker -> actor (id only) -> what its kind asks for -> row done
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.tasks.actors import register_actors
from adapters.tasks.broker import UnusableBroker, close_broker, make_broker
from adapters.tasks.relay import Relay
from adapters.tasks.worker import InProcessWorker
from adapters.webhook.signed_delivery import SignedDelivery
from federation.usecases.idle_changes import idle_changes
from gateway.bootstrap import Hub
from gateway.clock import new_id, utc_now
from gateway.errors import ConfigurationError
from gateway.loop_thread import LoopThread
from gateway.outbox_work import OutboxWork
from gateway.settings import AlertSettings


def outbox_handler(hub: Hub, loop: LoopThread) -> Callable[[int], None]:
    """What the actor does with one outbox id."""
    return OutboxWork(
        units=hub.units,
        read=hub.read,
        directory=hub.directory,
        procedure_of=hub.procedure_of,
        rules=hub.rules,
        deadline_seconds=hub.settings.federation.deadline_ms / 1000,
        clock=utc_now,
        new_id=new_id,
        run=loop.run,
        deliver=_delivery(hub.settings.alerts),
    )


def _delivery(settings: AlertSettings) -> SignedDelivery | None:
    if settings.webhook_url is None or settings.webhook_secret is None:
        return None
    return SignedDelivery(settings.webhook_url, settings.webhook_secret.get_secret_value().encode())


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
        relay = Relay(
            hub.units,
            actor.send,
            utc_now,
            ask_for_nothing=lambda due, uow: idle_changes(due, uow=uow, clock=utc_now),
        )
        worker = InProcessWorker(broker, threads=hub.settings.tasks.threads)
        try:
            with worker, relay:
                yield relay
        finally:
            close_broker(broker)
            loop.run(hub.directory.aclose())
