"""Which queue carries the ids: one inside the process, Redis or RabbitMQ.

The durable queue is the outbox; a broker may lose all it holds and the relay hands the ids over again. So the only
middleware is retrying. (Dramatiq's time limit raises inside a thread at any line, and its watching thread never ends:
what may take long has its own limits, statements on the database and deadlines at the archives.)
"""

from __future__ import annotations

from collections import defaultdict, deque
from urllib.parse import urlsplit

from dramatiq import Broker, Middleware
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Retries

NAMESPACE = "priorlink"
_DEAD_LETTERS_KEPT = 100


class UnusableBroker(Exception):
    """The broker URL names something the tasks do not run on; the text shows the scheme only."""


def make_broker(url: str | None) -> Broker:
    """A broker for ``redis://``, ``rediss://``, ``amqp://`` or ``amqps://``; without a URL one inside the process.

    Registers itself nowhere. End with ``close_broker``.

    Raises:
        UnusableBroker: another kind of URL.
    """
    middleware: list[Middleware] = [Retries()]
    if url is None:
        return _in_process_broker(middleware)
    match scheme := urlsplit(url).scheme:
        case "redis" | "rediss":
            from dramatiq.brokers.redis import RedisBroker

            return RedisBroker(url=url, middleware=middleware, namespace=NAMESPACE)  # type: ignore[no-untyped-call]
        case "amqp" | "amqps":
            from dramatiq.brokers.rabbitmq import RabbitmqBroker

            return RabbitmqBroker(url=url, middleware=middleware, confirm_delivery=True)
    raise UnusableBroker(f"broker kind is not supported: {scheme or 'no scheme'}")


def _in_process_broker(middleware: list[Middleware]) -> Broker:
    broker = StubBroker(middleware)
    # Made for tests, it keeps every message that failed for good; a process that runs for months must not.
    broker.dead_letters_by_queue = defaultdict(lambda: deque(maxlen=_DEAD_LETTERS_KEPT))  # type: ignore[arg-type,return-value]
    return broker


def close_broker(broker: Broker) -> None:
    """Give up the broker's connections. Idempotent."""
    broker.close()
    client = getattr(broker, "client", None)
    if client is not None:
        client.close()
        client.connection_pool.disconnect()
