"""Errors of the hub.

GatewayError
├── ConfigurationError      settings that cannot be used; the text names the field
├── NotAuthenticated        no token, or one we do not take; ``reason`` is a stable code
├── AccessRefused           the caller is known, and may not; ``reason`` is one of ``gateway.permissions``
├── InputRefused            a file or argument that is wrong; the text names line or field
└── ServiceMissing          a service we need is not there (database, broker, port)
"""


class GatewayError(Exception):
    """Root of all errors raised by ``gateway``."""


class ConfigurationError(GatewayError):
    """Settings that cannot be used."""


class NotAuthenticated(GatewayError):
    """No token, or one we do not take."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AccessRefused(GatewayError):
    """The caller is known, and may not do this."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InputRefused(GatewayError):
    """A file or argument that is wrong; nothing was done."""


class ServiceMissing(GatewayError):
    """A service we need is not there."""
