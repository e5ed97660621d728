"""Background tasks: outbox to relay to broker to worker, with each broker; what happens when a part of it fails."""

import datetime as dt
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dramatiq
import pytest
import sqlalchemy as sa

from adapters.store.engine import make_engine
from adapters.store.migrate import upgrade
from adapters.store.unit_of_work import unit_of_work_factory
from adapters.tasks.actors import QUEUE_NAME, register_actors
from adapters.tasks.broker import UnusableBroker, close_broker, make_broker
from adapters.tasks.relay import Relay, relay_once
from adapters.tasks.worker import InProcessWorker
from tests.integration.outbox_world import NOW, Begin, effects, make_handler, publish, waiting

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30.0
BROKERS = [
    "none",
    pytest.param("redis", marks=pytest.mark.needs("redis")),
    pytest.param("rabbitmq", marks=pytest.mark.needs("rabbitmq")),
]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'priorlink.db'}"


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = make_engine(database_url)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def begin(engine: sa.Engine) -> Begin:
    return unit_of_work_factory(engine)


@pytest.fixture(params=BROKERS)
def broker_url(request: pytest.FixtureRequest) -> str | None:
    """``None`` for the broker inside the process."""
    return None if request.param == "none" else request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def broker(broker_url: str | None) -> Iterator[dramatiq.Broker]:
    broker = make_broker(broker_url)
    yield broker
    if QUEUE_NAME in broker.queues:
        broker.flush_all()
    close_broker(broker)


@pytest.fixture
def local_broker() -> Iterator[dramatiq.Broker]:
    broker = make_broker(None)
    yield broker
    close_broker(broker)


class Countdown:
    """An event that is set once ``hit`` was called so many times."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = threading.Lock()
        self._reached = threading.Event()

    def hit(self, *_: object) -> None:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self._reached.set()

    def wait(self) -> None:
        assert self._reached.wait(PATIENCE_SECONDS), "it did not happen"


def then(first: Callable[[int], None], afterwards: Callable[[int], None]) -> Callable[[int], None]:
    def both(outbox_id: int) -> None:
        try:
            first(outbox_id)
        finally:
            afterwards(outbox_id)

    return both


class TestEveryBroker:
    def test_what_is_published_is_handled_once(self, begin: Begin, broker: dramatiq.Broker) -> None:
        publish(begin, "E-1", "E-2", "E-3")
        handled = Countdown(3)
        actor = register_actors(broker, handle=then(make_handler(begin), handled.hit))
        with InProcessWorker(broker):
            assert relay_once(begin, actor.send, lambda: NOW) == 3
            assert relay_once(begin, actor.send, lambda: NOW) == 0
            handled.wait()
        assert effects(begin) == [1, 2, 3]
        assert waiting(begin) == []

    def test_a_repeat_has_no_effect(self, begin: Begin, broker: dramatiq.Broker) -> None:
        publish(begin, "E-1")
        handled = Countdown(3)
        actor = register_actors(broker, handle=then(make_handler(begin), handled.hit))
        with InProcessWorker(broker, threads=3):
            for _ in range(3):
                actor.send(1)
            handled.wait()
        assert effects(begin) == [1]

    def test_a_failure_is_tried_again(self, begin: Begin, broker: dramatiq.Broker) -> None:
        publish(begin, "E-1")
        tried = Countdown(3)

        def fail_twice(_outbox_id: int) -> None:
            if len(failures) < 2:
                failures.append("failed")
                raise ConnectionError("invented")

        failures: list[str] = []
        handle = then(make_handler(begin, before_commit=fail_twice), tried.hit)
        actor = register_actors(broker, handle=handle, min_backoff_ms=5, max_backoff_ms=10)
        with InProcessWorker(broker):
            relay_once(begin, actor.send, lambda: NOW)
            tried.wait()
        assert effects(begin) == [1]

    def test_a_worker_killed_between_claim_and_done(
        self, begin: Begin, database_url: str, broker_url: str | None, broker: dramatiq.Broker
    ) -> None:
        publish(begin, "E-1")
        kill_a_worker_that_claimed(database_url, broker_url)
        assert effects(begin) == []
        assert waiting(begin) == [1]

        handled = Countdown(1)
        actor = register_actors(broker, handle=then(make_handler(begin), handled.hit))
        with InProcessWorker(broker):
            relay_once(begin, actor.send, lambda: NOW + dt.timedelta(hours=1))
            handled.wait()
        assert effects(begin) == [1]
        assert waiting(begin) == []


def kill_a_worker_that_claimed(database_url: str, broker_url: str | None) -> None:
    command = [sys.executable, "-m", "tests.integration.outbox_world", database_url, broker_url or "none"]
    worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)})
    with worker:
        assert worker.stdout is not None
        said = worker.stdout.readline()
        worker.kill()
    assert said == b"claimed\n"


@pytest.mark.needs("rabbitmq")
def test_rabbitmq_gives_the_message_of_a_killed_worker_to_another(
    begin: Begin, database_url: str, rabbitmq_url: str
) -> None:
    """Without the relay handing it over again."""
    publish(begin, "E-1")
    kill_a_worker_that_claimed(database_url, rabbitmq_url)
    broker = make_broker(rabbitmq_url)
    handled = Countdown(1)
    register_actors(broker, handle=then(make_handler(begin), handled.hit))
    with InProcessWorker(broker):
        handled.wait()
    close_broker(broker)
    assert effects(begin) == [1]


class TestWhatIsLogged:
    def test_a_failure_shows_ids_and_places_only(
        self, begin: Begin, local_broker: dramatiq.Broker, caplog: pytest.LogCaptureFixture
    ) -> None:
        publish(begin, "Canary-person")
        tried = Countdown(2)

        def fail(_outbox_id: int) -> None:
            raise ValueError("Canary-name") from KeyError("Canary-inner")

        handle = then(make_handler(begin, before_commit=fail), tried.hit)
        actor = register_actors(local_broker, handle=handle, max_retries=1, min_backoff_ms=5, max_backoff_ms=5)
        with caplog.at_level(logging.DEBUG), InProcessWorker(local_broker):
            relay_once(begin, actor.send, lambda: NOW)
            tried.wait()
        assert "handle_outbox_message(1)" in caplog.text
        assert "outbox message 1: ValueError at test_tasks.py:" in caplog.text
        assert "Canary-" not in caplog.text

    def test_the_queue_keeps_ids_and_places_only(self, begin: Begin, local_broker: dramatiq.Broker) -> None:
        tried = Countdown(1)

        def fail(_outbox_id: int) -> None:
            raise ValueError("-".join(("Canary", "name")))

        actor = register_actors(local_broker, handle=then(fail, tried.hit), max_retries=0)
        with InProcessWorker(local_broker):
            message = actor.send(1)
            tried.wait()
        (dead,) = local_broker.dead_letters  # type: ignore[attr-defined]
        assert dead.message_id == message.message_id
        assert dead.args == (1,)
        assert b"ValueError at test_tasks.py" in dead.encode()
        assert b"Canary-name" not in dead.encode()


class TestRetriesEnd:
    def test_what_fails_for_good_waits_in_the_outbox(self, begin: Begin, local_broker: dramatiq.Broker) -> None:
        publish(begin, "E-1", "E-2")
        tries = Countdown(4)

        def fail_for_the_first(outbox_id: int) -> None:
            if outbox_id == 1:
                raise ConnectionError("invented")

        handle = then(make_handler(begin, before_commit=fail_for_the_first), tries.hit)
        actor = register_actors(local_broker, handle=handle, max_retries=2, min_backoff_ms=1, max_backoff_ms=2)
        with InProcessWorker(local_broker):
            relay_once(begin, actor.send, lambda: NOW)
            tries.wait()
        assert effects(begin) == [2]
        assert waiting(begin) == [1]
        assert relay_once(begin, lambda _: None, lambda: NOW + dt.timedelta(hours=1)) == 1
        with begin() as unit:
            message = unit.outbox.get(1)
        assert message is not None
        assert message.attempts == 2


class TestRelay:
    def test_a_batch_has_a_limit_and_the_oldest_go_first(self, begin: Begin) -> None:
        publish(begin, *(f"E-{number}" for number in range(5)))
        sent: list[int] = []
        assert relay_once(begin, sent.append, lambda: NOW, limit=2) == 2
        assert sent == [1, 2]

    def test_what_could_not_be_sent_is_due_at_once(self, begin: Begin) -> None:
        publish(begin, "E-1", "E-2", "E-3")
        sent: list[int] = []

        def send(outbox_id: int) -> None:
            if outbox_id == 2:
                raise ConnectionError("invented")
            sent.append(outbox_id)

        with pytest.raises(ConnectionError):
            relay_once(begin, send, lambda: NOW)
        assert relay_once(begin, sent.append, lambda: NOW) == 2
        assert sent == [1, 2, 3]

    def test_what_asks_for_nothing_is_done_and_not_sent(self, begin: Begin) -> None:
        publish(begin, "E-1", "E-2", "E-3")
        sent: list[int] = []
        assert relay_once(begin, sent.append, lambda: NOW, ask_for_nothing=lambda _due, _uow: [1, 3]) == 3
        assert sent == [2]
        assert waiting(begin) == [2]

    def test_the_database_is_not_locked_while_sending(self, begin: Begin) -> None:
        publish(begin, "E-1")
        assert relay_once(begin, lambda _: publish(begin, "E-2"), lambda: NOW) == 1

    def test_the_thread_sends_what_comes_and_ends_when_stopped(self, begin: Begin) -> None:
        arrived = Countdown(2)
        relay = Relay(begin, arrived.hit, lambda: NOW, poll_seconds=60)
        with relay:
            relay.start()
            publish(begin, "E-1", "E-2")
            relay.wake()
            arrived.wait()
            assert [t.name for t in threading.enumerate()].count("outbox-relay") == 1
        assert "outbox-relay" not in [thread.name for thread in threading.enumerate()]
        relay.stop()

    def test_the_thread_outlives_an_outage(self, begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
        publish(begin, "E-1")
        arrived = Countdown(1)
        outages = iter([ConnectionError("Canary-url"), OSError("Canary-url")])

        def send(outbox_id: int) -> None:
            for outage in outages:
                raise outage
            arrived.hit(outbox_id)

        with Relay(begin, send, lambda: NOW, poll_seconds=0.01):
            arrived.wait()
        assert caplog.text.count("outbox_relay_failed error=ConnectionError") == 1
        assert "Canary" not in caplog.text


class TestWorker:
    def test_no_thread_is_left_and_it_can_start_again(self, begin: Begin, local_broker: dramatiq.Broker) -> None:
        before, parts_before = set(threading.enumerate()), list(local_broker.middleware)
        handled = [Countdown(1), Countdown(2)]
        actor = register_actors(local_broker, handle=then(handled[0].hit, handled[1].hit))
        worker = InProcessWorker(local_broker)
        for round_ in handled:
            worker.start()
            worker.start()
            actor.send(1)
            round_.wait()
            worker.stop()
            worker.stop()
        assert set(threading.enumerate()) == before
        assert local_broker.middleware == parts_before


def test_importing_registers_no_broker() -> None:
    code = (
        "import adapters.tasks.actors, adapters.tasks.broker, adapters.tasks.relay, adapters.tasks.worker\n"
        "import dramatiq.broker, threading\n"
        "assert dramatiq.broker.global_broker is None\n"
        "adapters.tasks.broker.make_broker(None)\n"
        "assert dramatiq.broker.global_broker is None\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("url", ["kafka://user:secret@host/", "secret"])
def test_another_broker_is_refused_without_showing_the_url(url: str) -> None:
    with pytest.raises(UnusableBroker) as refusal:
        make_broker(url)
    assert "secret" not in str(refusal.value)
