"""Errors between the hub and an edge agent, on either side.

MachineError
├── TokenRefused    a token that is not taken; ``reason`` is a stable code
└── UnusableKey     a key file that cannot be used; the text names the file
"""


class MachineError(Exception):
    """Root of the errors here. A failed question is a ``federation.errors.SourceError`` instead."""


class TokenRefused(MachineError):
    """No token, or one that is not taken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnusableKey(MachineError):
    """A key file that cannot be used."""
