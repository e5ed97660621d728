"""Errors of the federation.

    FederationError
    ├── InvalidOrder            an order that cannot be judged; the text names the field
    ├── InvalidRuleSet          a rule-set file that cannot be used; the text names the entry
    ├── InvalidScenario         a scenario of a rule-set dry run; the text names the scenario and the field
    ├── InvalidLexicon          a lexicon file that cannot be used; the text names the file and the concept
    ├── InvalidCodeMap          a site's code map that cannot be used; the text names the line
    ├── InvalidContextTable     a table of reason codes that cannot be used; the text names the entry
    ├── InvalidTable            a table of doses, costs or groups that cannot be used; the text names line or entry
    ├── UnknownSite             no registered site has this id
    ├── UnknownStudyClass       no study class of the configuration has this name
    ├── PersonWithheld          (also an UnknownIdentifier) nobody whom the viewer may see
    ├── UnknownAlert            no alert has this id
    ├── AlertClosed             the alert was answered before, or fell away
    ├── OrderOfAnotherPatient   the order's number belongs to an order for another patient
    ├── StaleAlert              somebody else changed the alert (or order) at the same time: retryable
    └── SourceError             an archive did not give a usable answer (never "no priors")
        ├── SourceUnavailable   refused, reset, no route, 5xx: retryable
        ├── SourceTimedOut      no complete answer inside the budget: retryable
        ├── SourceUnauthorised  the archive does not accept us: terminal until somebody acts
        ├── SourceProtocolError the answer is not what the protocol allows: terminal
        ├── QueryRefused        we do not ask this (empty id, wildcard in an id): terminal
        └── NotAsked            we do not ask now (its circuit is open, too many questions wait): retryable

Texts name sites, states and status codes, never identifiers or values of a person.
"""

from mpi.errors import UnknownIdentifier
from mpi.identity.identifiers import EnterpriseId


class FederationError(Exception):
    """Root of all errors raised by ``federation``."""


class InvalidOrder(FederationError):
    """An order that cannot be judged; the text names the field."""


class InvalidRuleSet(FederationError):
    """A rule-set that cannot be used; the text names the entry."""


class InvalidScenario(FederationError):
    """A scenario that cannot be judged; the text names the scenario and the field."""


class InvalidLexicon(FederationError):
    """A lexicon file that cannot be used; the text names the file and the concept."""


class InvalidCodeMap(FederationError):
    """A site's code map that cannot be used; the text names the line."""


class InvalidContextTable(FederationError):
    """A table of reason codes that cannot be used; the text names the entry."""


class UnknownAlert(FederationError):
    """No alert has this id."""


class AlertClosed(FederationError):
    """The alert was answered before, or what it was about fell away."""


class OrderOfAnotherPatient(FederationError):
    """The order's number belongs to an order for another patient."""


class StaleAlert(FederationError):
    """Somebody else changed the alert or the order at the same time."""


class InvalidTable(FederationError):
    """A table of doses, costs or orderer groups that cannot be used; the text names the line or entry."""


class UnknownSite(FederationError):
    """No registered site has this id."""


class UnknownStudyClass(FederationError):
    """No study class of the configuration has this name."""


class PersonWithheld(FederationError, UnknownIdentifier):
    """Nobody whom the viewer may see is behind the identifier. Every door answers it as ``UnknownIdentifier``.

    ``enterprise_id`` is for the audit log alone.
    """

    def __init__(self, enterprise_id: EnterpriseId) -> None:
        super().__init__("no active record has this identifier")
        self.enterprise_id = enterprise_id


class SourceError(FederationError):
    """An archive did not give a usable answer. ``reason`` is a stable, value-free code."""

    retryable = False

    def __init__(self, reason: str, text: str | None = None) -> None:
        super().__init__(text or reason)
        self.reason = reason


class SourceUnavailable(SourceError):
    """Refused, reset, no route, 5xx."""

    retryable = True


class SourceTimedOut(SourceError):
    """No complete answer inside the budget."""

    retryable = True


class SourceUnauthorised(SourceError):
    """The archive does not accept us."""


class SourceProtocolError(SourceError):
    """The answer is not what the protocol allows."""


class QueryRefused(SourceError):
    """A question we do not put to an archive."""


class NotAsked(SourceError):
    """A question that was not put: ``circuit_open`` or ``busy``."""

    retryable = True
