"""What comes in and what goes out, as the specification writes it. Fields that we do not know are ignored."""

from __future__ import annotations

from typing import Any, Literal, Self
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Resource = dict[str, Any]
"""A FHIR resource as it was sent; read leniently in ``fhir_orders``."""


class _In(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )


class FhirAuthorization(_In):
    """How to read from the client's FHIR server."""

    access_token: str = Field(alias="access_token", min_length=1)


class Context(_In):
    """What all hooks say."""

    patient_id: str = Field(min_length=1)
    user_id: str = ""
    encounter_id: str | None = None


class UserContext(Context):
    """Hooks that a person sets off name that person."""

    user_id: str = Field(min_length=1)


class DraftOrders(_In):
    """A FHIR Bundle; what its entries hold is read later."""

    entry: tuple[Resource, ...] = ()

    def resources(self) -> tuple[Resource, ...]:
        """The resources of the entries."""
        found = (entry.get("resource") for entry in self.entry)
        return tuple(resource for resource in found if isinstance(resource, dict))


class OrderSignContext(UserContext):
    """order-sign."""

    draft_orders: DraftOrders


class OrderSelectContext(OrderSignContext):
    """order-select."""

    selections: tuple[str, ...]


class OrderDispatchContext(Context):
    """order-dispatch; the hyphenated names are those of its first draft."""

    dispatched_orders: tuple[str, ...] = Field(validation_alias=AliasChoices("dispatchedOrders", "dispatched-orders"))
    performer: str = Field(min_length=1)


class HookRequest(_In):
    """A call of a service. ``context`` is read by ``CONTEXTS[hook]``."""

    hook: str
    hook_instance: UUID
    context: dict[str, Any]
    fhir_server: str | None = None
    fhir_authorization: FhirAuthorization | None = None
    prefetch: dict[str, Resource | None] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _authorization_needs_a_server(self) -> Self:
        if self.fhir_authorization is not None and not self.fhir_server:
            raise ValueError("fhirServer is required with fhirAuthorization")
        return self


class FeedbackReason(_In):
    """The coded reason of an override."""

    code: str = ""


class FeedbackOverride(_In):
    """Why a card was overridden, and what the user added."""

    reason: FeedbackReason | None = None
    user_comment: str = ""


class Feedback(_In):
    """What became of one card."""

    card: str
    outcome: Literal["accepted", "overridden"]
    outcome_timestamp: str = ""
    override_reason: FeedbackOverride | None = None


class FeedbackRequest(_In):
    """A call of the feedback endpoint."""

    feedback: tuple[Feedback, ...]


class _Out(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    def document(self) -> dict[str, Any]:
        """As JSON, without what is absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Coding(_Out):
    """A code that means the same to both sides."""

    code: str
    system: str
    display: str


class Source(_Out):
    """Who says what a card says."""

    label: str
    topic: Coding | None = None


class Action(_Out):
    """What a suggestion does."""

    type: Literal["delete"]
    description: str
    resource_id: str


class Suggestion(_Out):
    """Something the client can do for the user."""

    label: str
    uuid: str
    actions: tuple[Action, ...]


class Link(_Out):
    """Where to go on."""

    label: str
    url: str
    type: Literal["absolute"] = "absolute"


class Card(_Out):
    """One card. ``summary`` is shorter than 140 characters; suggestions come with a selection behaviour."""

    uuid: str
    summary: str = Field(max_length=139)
    indicator: Literal["info", "warning", "critical"]
    source: Source
    detail: str | None = None
    suggestions: tuple[Suggestion, ...] | None = None
    selection_behavior: Literal["at-most-one", "any"] | None = None
    override_reasons: tuple[Coding, ...] | None = None
    links: tuple[Link, ...] | None = None

    @model_validator(mode="after")
    def _suggestions_need_a_behaviour(self) -> Self:
        if bool(self.suggestions) != (self.selection_behavior is not None):
            raise ValueError("suggestions and selectionBehavior come together")
        return self


CONTEXTS: dict[str, type[Context]] = {
    "patient-view": UserContext,
    "order-select": OrderSelectContext,
    "order-sign": OrderSignContext,
    "order-dispatch": OrderDispatchContext,
}
