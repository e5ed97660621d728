"""Errors of the edge agent.

EdgeError
├── ConfigurationError    settings that cannot be used; the text names the field
├── ServiceMissing        something the agent needs is not there (port, audit file)
├── PolicyUnavailable     a list of the policy cannot be read: nothing is shared until it can
└── AuditBroken           the audit file was changed by somebody else; the text names the line
"""


class EdgeError(Exception):
    """Root of all errors raised by ``edge``."""


class ConfigurationError(EdgeError):
    """Settings that cannot be used."""


class ServiceMissing(EdgeError):
    """Something the agent needs is not there."""


class PolicyUnavailable(EdgeError):
    """A list of the policy cannot be read."""


class AuditBroken(EdgeError):
    """The audit file is not what the agent wrote."""
