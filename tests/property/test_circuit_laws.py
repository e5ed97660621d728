"""Laws of the circuit breaker, whatever happens to a site in whatever order."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from federation.sites.circuit import (
    Circuit,
    CircuitRules,
    CircuitState,
    admit,
    after_failure,
    after_nothing,
    after_success,
)

RULES = CircuitRules(failures_to_open=3, open_seconds=10.0, longest_open_seconds=60.0)


@dataclass(frozen=True)
class Step:
    what: str
    seconds: float


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["ask", "succeed", "fail", "nothing"]),
        st.floats(min_value=0, max_value=30, allow_nan=False),
    ),
    max_size=60,
)


def walk(steps: list[Step]) -> list[tuple[float, Step, Circuit, Circuit, bool | None]]:
    """(now, step, before, after, was the question admitted) of each step."""
    circuit, now, seen = Circuit(), 0.0, []
    for step in steps:
        now += step.seconds
        before, admitted = circuit, None
        match step.what:
            case "ask":
                circuit, admitted = admit(circuit, now)
            case "succeed":
                circuit = after_success(circuit)
            case "fail":
                circuit = after_failure(circuit, now, RULES)
            case "nothing":
                circuit = after_nothing(circuit)
        seen.append((now, step, before, circuit, admitted))
    return seen


@given(STEPS)
def test_an_open_circuit_admits_nothing_before_its_time(steps: list[Step]) -> None:
    for now, _, before, _, admitted in walk(steps):
        if before.state is CircuitState.OPEN and now < before.retry_at:
            assert admitted is not True


@given(STEPS)
def test_one_probe_at_a_time(steps: list[Step]) -> None:
    for _, step, before, _, admitted in walk(steps):
        if step.what == "ask" and before.state is CircuitState.HALF_OPEN and before.is_probing:
            assert admitted is False


@given(STEPS)
def test_a_success_always_closes(steps: list[Step]) -> None:
    for _, step, _, after, _ in walk(steps):
        if step.what == "succeed":
            assert after == Circuit()


@given(STEPS)
def test_it_opens_only_by_a_failure_and_never_for_longer_than_the_longest(steps: list[Step]) -> None:
    for now, step, before, after, _ in walk(steps):
        if after.state is CircuitState.OPEN and before.state is not CircuitState.OPEN:
            assert step.what == "fail"
            assert now < after.retry_at <= now + RULES.longest_open_seconds


@given(STEPS)
def test_fewer_failures_than_needed_in_a_row_open_nothing(steps: list[Step]) -> None:
    in_a_row = 0
    for _, step, before, after, _ in walk(steps):
        in_a_row = 0 if step.what == "succeed" else in_a_row + (step.what == "fail")
        if before.state is CircuitState.CLOSED and in_a_row < RULES.failures_to_open:
            assert after.state is CircuitState.CLOSED


@given(STEPS, st.floats(min_value=0, max_value=1000, allow_nan=False))
def test_nobody_is_left_alone_for_ever(steps: list[Step], wait: float) -> None:
    seen = walk(steps)
    circuit, now = (seen[-1][3], seen[-1][0]) if seen else (Circuit(), 0.0)
    circuit = after_nothing(circuit)
    _, admitted = admit(circuit, now + RULES.longest_open_seconds + wait)
    assert admitted


def test_each_opening_in_a_row_lasts_twice_as_long() -> None:
    circuit, now, lasted = Circuit(failures=2), 0.0, []
    for _ in range(5):
        circuit = after_failure(circuit, now, RULES)
        lasted.append(circuit.retry_at - now)
        now = circuit.retry_at
        circuit, admitted = admit(circuit, now)
        assert admitted
    assert lasted == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_what_fails_while_it_is_open_was_asked_before_and_prolongs_nothing() -> None:
    opened = after_failure(Circuit(failures=2), 5.0, RULES)
    assert after_failure(opened, 9.0, RULES) == opened
