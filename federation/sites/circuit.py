"""A circuit breaker for one site, as a pure state machine: who fails again and again is left alone for a while.

    CLOSED --(so many failures in a row)--> OPEN --(its time is up)--> HALF_OPEN: one probe at a time
    HALF_OPEN --success--> CLOSED        HALF_OPEN --failure--> OPEN, for twice as long

Times are seconds of a clock that the caller reads and that never goes back. No chance is involved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class CircuitState(Enum):
    """CLOSED: the site is asked. OPEN: it is not. HALF_OPEN: one question finds out whether it is well again."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """When a circuit opens and for how long; every opening in a row doubles the time, up to the longest."""

    failures_to_open: int = 5
    open_seconds: float = 15.0
    longest_open_seconds: float = 240.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """``failures`` and ``openings`` are counted in a row; ``retry_at`` is when an open circuit lets a probe through."""

    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    openings: int = 0
    retry_at: float = 0.0
    is_probing: bool = False


def admit(circuit: Circuit, now: float) -> tuple[Circuit, bool]:
    """Whether one more question may be put now, and the circuit after it; an admitted one must be reported back."""
    match circuit.state:
        case CircuitState.CLOSED:
            return circuit, True
        case CircuitState.OPEN if now >= circuit.retry_at:
            return replace(circuit, state=CircuitState.HALF_OPEN, is_probing=True), True
        case CircuitState.HALF_OPEN if not circuit.is_probing:
            return replace(circuit, is_probing=True), True
    return circuit, False


def after_success(circuit: Circuit) -> Circuit:
    """The site answered, whenever it was asked: it is well."""
    return circuit if circuit == Circuit() else Circuit()


def after_failure(circuit: Circuit, now: float, rules: CircuitRules) -> Circuit:
    """The site failed. What fails while the circuit is open was asked before and says nothing new."""
    if circuit.state is CircuitState.OPEN:
        return circuit
    failures = circuit.failures + 1
    if circuit.state is CircuitState.CLOSED and failures < rules.failures_to_open:
        return replace(circuit, failures=failures)
    seconds = min(rules.open_seconds * 2.0 ** min(circuit.openings, 30), rules.longest_open_seconds)
    return Circuit(CircuitState.OPEN, failures, circuit.openings + 1, now + seconds)


def after_nothing(circuit: Circuit) -> Circuit:
    """An admitted question ended without news of the site (given up, refused by us): the next may probe."""
    return replace(circuit, is_probing=False) if circuit.is_probing else circuit
