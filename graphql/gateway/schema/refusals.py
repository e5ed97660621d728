"""Expected refusals, as types in the unions of results. Codes are stable; texts are for people and hold no values.

Refusal
├── NotAllowed             the caller's roles, purpose, scopes or sites do not cover the operation
├── InvalidInput           an argument cannot be used; ``field`` says which
├── PatientNotFound        nobody is behind the identifier
├── OrderCheckNotFound     no check has this id
├── AlertNotFound          no alert has this id
├── AlertNotOpen           the alert is closed (in ``alerts``: it holds the alert)
├── ReviewItemNotFound     no review item has this id
├── SubscriptionEnded      a subscription is over, and why
├── StaleReviewItem        the item changed since it was shown (in ``reviews``: it holds the item)
├── DecisionRefused        a human said otherwise before, or it cannot mean anything
├── IdentityDecisionNotFound  no decision has this id
├── StalePersons           a person changed since it was shown (in ``identity_decisions``: it holds the persons)
└── StaleIdentityDecision  later decisions stand in the way (in ``identity_decisions``: it names them)
"""

from __future__ import annotations

import strawberry

CODE = "Stable reason in snake_case, made for programs."
MESSAGE = "The reason in plain words, without any value."


@strawberry.interface(description="Why an operation was not carried out. Nothing was changed.")
class Refusal:
    code: str = strawberry.field(description=CODE)
    message: str = strawberry.field(description=MESSAGE)


_NOT_ALLOWED = {
    "role_not_allowed": "your role does not cover this operation",
    "purpose_not_allowed": "the declared purpose of use does not cover this operation",
    "scope_not_granted": "the scopes of the token do not cover this operation",
    "sites_too_narrow": "this operation reaches over all sites, the token names some",
    "site_not_yours": "the token does not name the site that this is about",
}


@strawberry.type(
    description="The caller's roles, purpose, scopes or sites do not cover this. The attempt is in the audit log."
)
class NotAllowed(Refusal):
    code: str = strawberry.field(default="role_not_allowed", description=CODE)
    message: str = strawberry.field(default=_NOT_ALLOWED["role_not_allowed"], description=MESSAGE)

    @classmethod
    def because(cls, reason: str) -> NotAllowed:
        """The refusal for a reason of the policy."""
        return cls(code=reason, message=_NOT_ALLOWED.get(reason, _NOT_ALLOWED["role_not_allowed"]))


@strawberry.type(description="An argument cannot be used.")
class InvalidInput(Refusal):
    code: str = strawberry.field(description=CODE)
    message: str = strawberry.field(description=MESSAGE)
    field: str = strawberry.field(description="Path of the argument, such as order.orderingSite.")


@strawberry.type(description="Nobody in the index is behind the identifier. This is not an empty history.")
class PatientNotFound(Refusal):
    code: str = strawberry.field(default="patient_not_found", description=CODE)
    message: str = strawberry.field(default="no active record is behind this identifier", description=MESSAGE)
    withheld: strawberry.Private[str | None] = None


@strawberry.type(description="No order check has this id.")
class OrderCheckNotFound(Refusal):
    code: str = strawberry.field(default="order_check_not_found", description=CODE)
    message: str = strawberry.field(default="no order check has this id", description=MESSAGE)


@strawberry.type(description="No alert has this id.")
class AlertNotFound(Refusal):
    code: str = strawberry.field(default="alert_not_found", description=CODE)
    message: str = strawberry.field(default="no alert has this id", description=MESSAGE)


@strawberry.type(description="No review item has this id.")
class ReviewItemNotFound(Refusal):
    code: str = strawberry.field(default="review_item_not_found", description=CODE)
    message: str = strawberry.field(default="no review item has this id", description=MESSAGE)


@strawberry.type(
    description="The last thing a subscription says when the hub ends it. Codes: token_expired and other reasons of a "
    "token that is no good any more, role_not_allowed, too_many_subscriptions, too_slow (events were lost: ask the "
    "query of the same subject, then subscribe again), store_not_reachable."
)
class SubscriptionEnded(Refusal):
    code: str = strawberry.field(description=CODE)
    message: str = strawberry.field(default="the subscription is over", description=MESSAGE)


@strawberry.type(description="No decision of records staff has this id.")
class IdentityDecisionNotFound(Refusal):
    code: str = strawberry.field(default="identity_decision_not_found", description=CODE)
    message: str = strawberry.field(default="no decision has this id", description=MESSAGE)


@strawberry.type(description="The decision contradicts what a human decided before, or cannot be carried out.")
class DecisionRefused(Refusal):
    code: str = strawberry.field(description=CODE)
    message: str = strawberry.field(
        default="a member of one person was said to differ from a member of the other", description=MESSAGE
    )
