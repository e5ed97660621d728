"""Requests by their client's key, in every store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from federation.ports import AnsweredRequest
from tests.contract.stores import NOW, Store, later


def claim(store: Store, caller: str = "dr-1", key: str = "k", *, request: str = "h", minutes: float = 0) -> object:
    at = later(minutes=minutes)
    with store.begin() as unit:
        found = unit.answered_requests.claim(
            caller, key, request_hash=request, at=at, stale_before=later(minutes=minutes - 1)
        )
        unit.commit()
    return found


def test_a_key_is_claimed_once_and_the_answer_is_given_again(store: Store) -> None:
    assert claim(store) is None
    assert claim(store) == AnsweredRequest("h", None)
    with store.begin() as unit:
        unit.answered_requests.keep("dr-1", "k", answer=b"\x00yes")
        unit.commit()
    assert claim(store, request="other", minutes=50) == AnsweredRequest("h", b"\x00yes")


def test_keys_are_each_callers_own(store: Store) -> None:
    assert claim(store) is None
    assert claim(store, "dr-2") is None
    assert claim(store, key="k2") is None


def test_a_claim_that_is_given_up_or_old_can_be_taken_again(store: Store) -> None:
    assert claim(store) is None
    with store.begin() as unit:
        unit.answered_requests.release("dr-1", "k")
        unit.commit()
    assert claim(store) is None
    assert claim(store, minutes=0.5) == AnsweredRequest("h", None)
    assert claim(store, request="h2", minutes=2) is None
    assert claim(store, minutes=2) == AnsweredRequest("h2", None)


def test_an_answer_is_not_given_up_and_is_forgotten_in_time(store: Store) -> None:
    assert claim(store) is None
    with store.begin() as unit:
        unit.answered_requests.keep("dr-1", "k", answer=b"yes")
        unit.answered_requests.release("dr-1", "k")
        unit.answered_requests.forget_before(NOW)
        unit.commit()
    assert claim(store) == AnsweredRequest("h", b"yes")
    with store.begin() as unit:
        unit.answered_requests.forget_before(later(minutes=1))
        unit.commit()
    assert claim(store) is None


def test_of_many_at_once_one_has_the_key(store: Store) -> None:
    gate = threading.Barrier(6)

    def at_once(_: int) -> object:
        gate.wait(10)
        return claim(store)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(at_once, range(6)))
    assert found.count(None) == 1
