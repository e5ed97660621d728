"""The shared reader of changes: numbers out of order, slow listeners, a store that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from adapters.simulated.memory_store import MemoryStore, MemoryUnitOfWork
from federation.changes import Change, ChangeKind
from gateway.change_feed import GAP_SECONDS, AlertRevised, ChangeCursor, ChangeFeed, FeedEnded
from gateway.stream_tools import OpenStreams
from tests.contract.test_alerts_and_orders import an_alert


def change(number: int) -> Change:
    return Change(number, ChangeKind.ALERT, f"a-{number}", 1)


def numbers(changes: tuple[Change, ...]) -> list[int]:
    return [c.number for c in changes]


def test_each_entry_is_taken_once_also_when_a_lower_one_appears_later() -> None:
    cursor = ChangeCursor(4)
    assert numbers(cursor.take([change(5), change(7)], now_seconds=0)) == [5, 7]
    assert (cursor.settled, cursor.ahead_count) == (5, 1)
    assert numbers(cursor.take([change(7)], now_seconds=1)) == []
    assert numbers(cursor.take([change(6), change(7), change(8)], now_seconds=2)) == [6, 8]
    assert (cursor.settled, cursor.ahead_count) == (8, 0)


def test_a_number_that_never_appears_is_waited_for_no_longer_than_a_while() -> None:
    cursor = ChangeCursor(0)
    cursor.take([change(2), change(3), change(5)], now_seconds=0)
    cursor.take([change(2), change(3), change(5)], now_seconds=GAP_SECONDS - 1)
    assert cursor.settled == 0
    cursor.take([change(2), change(3), change(5)], now_seconds=GAP_SECONDS)
    assert cursor.settled == 3
    cursor.take([change(5)], now_seconds=2 * GAP_SECONDS - 1)
    assert cursor.settled == 3
    cursor.take([change(5)], now_seconds=2 * GAP_SECONDS)
    assert (cursor.settled, cursor.ahead_count) == (5, 0)


def write(store: MemoryStore, number: int) -> None:
    with MemoryUnitOfWork(store) as uow:
        uow.alerts.append(an_alert(f"P-{number}"))
        uow.commit()


async def heard_after(feed: ChangeFeed, act: Callable[[], None], count: int) -> list[Any]:
    async with feed.listen(ChangeKind.ALERT) as heard, asyncio.timeout(20):
        act()
        return [await heard.get() for _ in range(count)]


def test_what_was_before_is_not_told_and_what_is_after_is() -> None:
    store = MemoryStore()
    write(store, 1)
    feed = ChangeFeed(lambda: MemoryUnitOfWork(store, read_only=True), poll_seconds=0.01)
    (told,) = asyncio.run(heard_after(feed, lambda: write(store, 2), 1))
    assert isinstance(told, AlertRevised)
    assert told.events[-1].placer_order_number == "P-2"
    assert (feed.listener_count, feed.is_reading) == (0, False)


def test_who_does_not_keep_up_is_ended_and_nobody_waits() -> None:
    store = MemoryStore()

    async def story() -> list[Any]:
        feed = ChangeFeed(lambda: MemoryUnitOfWork(store, read_only=True), poll_seconds=0.01, queue_length=3)
        async with feed.listen(ChangeKind.ALERT) as slow, feed.listen(ChangeKind.ALERT) as quick, asyncio.timeout(20):
            for number in range(5):
                write(store, number)
                assert isinstance(await quick.get(), AlertRevised)
            return [slow.get_nowait() for _ in range(slow.qsize())]

    told = asyncio.run(story())
    assert [isinstance(event, AlertRevised) for event in told] == [True, True, False]
    assert told[-1] is FeedEnded.TOO_SLOW


def test_a_store_that_fails_ends_all_and_the_next_listener_begins_anew() -> None:
    store, broken = MemoryStore(), [False]

    def read() -> MemoryUnitOfWork:
        if broken[0]:
            raise ConnectionError("the store is gone")
        return MemoryUnitOfWork(store, read_only=True)

    def breaks() -> None:
        broken[0] = True

    feed = ChangeFeed(read, poll_seconds=0.01)
    assert asyncio.run(heard_after(feed, breaks, 1)) == [FeedEnded.STORE_NOT_REACHABLE]
    broken[0] = False
    again = ChangeFeed(read, poll_seconds=0.01)
    (told,) = asyncio.run(heard_after(again, lambda: write(store, 1), 1))
    assert isinstance(told, AlertRevised)


def test_a_place_is_given_back() -> None:
    places = OpenStreams(max_open=2, max_open_per_caller=1)
    with places.one_of("a") as first, places.one_of("a") as again, places.one_of("b") as other:
        assert (first, again, other) == (True, False, True)
        with places.one_of("c") as too_many:
            assert not too_many
    assert places.open_count == 0
