"""How sites are asked: how many questions at once, how long, and when a site is left alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from federation.sites.circuit import CircuitRules


@dataclass(frozen=True, slots=True)
class AskingRules:
    """For one site each.

    Attributes:
        at_once: questions put to it at the same time.
        waiting: questions that may wait for their turn; one more is not asked (``busy``).
        patience_seconds: how long an answer is awaited, be the one who asked still there or not.
        retry_within_seconds: a connection that broke this soon is tried once more.
    """

    at_once: int = 8
    waiting: int = 64
    patience_seconds: float = 15.0
    retry_within_seconds: float = 0.5
    circuit: CircuitRules = field(default_factory=CircuitRules)
