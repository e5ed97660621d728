"""Errors of the master patient index.

    MpiError
    ├── InvalidIdentifier       an identifier that cannot name anybody (empty, without authority)
    ├── InvalidDemographics     a field that cannot be taken as demographics
    ├── UnknownIdentifier       no source record has this identifier
    ├── UnknownReviewItem       no review item has this id
    ├── UnknownDecision         no decision has this id
    ├── StaleDecision           the review item changed since the clerk saw it, or is closed
    │   ├── ItemClaimed         somebody else works on the review item just now
    │   └── StalePersons        a person the decision is about changed since the clerk saw it
    ├── MergeRefused            a merge that cannot be carried out (same id, different authorities, ...)
    └── InvalidModel            a match model file that cannot be used

Texts name identifiers of rows and fields, never the values of a person.
"""


class MpiError(Exception):
    """Root of all errors raised by ``mpi``."""


class InvalidIdentifier(MpiError):
    """An identifier without an authority or without a number."""


class InvalidDemographics(MpiError):
    """A demographic field cannot be taken; the text names the field."""


class UnknownIdentifier(MpiError):
    """No source record carries this identifier."""


class UnknownReviewItem(MpiError):
    """No review item has this id."""


class StaleDecision(MpiError):
    """The review item is not in the state the decision was made on."""


class ItemClaimed(StaleDecision):
    """Somebody else claimed the review item, and the claim still runs."""


class StalePersons(StaleDecision):
    """The persons are not as they were seen; ``enterprise_ids`` names those the decision is about now."""

    def __init__(self, enterprise_ids: tuple[str, ...]) -> None:
        super().__init__("a person the decision is about changed since it was shown")
        self.enterprise_ids = enterprise_ids


class UnknownDecision(MpiError):
    """No decision has this id."""


class MergeRefused(MpiError):
    """A merge, link or unlink that cannot be carried out; ``code`` is a stable reason."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class InvalidModel(MpiError):
    """A match model that cannot be used; the text names the comparison and level."""
