"""The executable schema: roots, limits, caches, and errors that give nothing away."""

from __future__ import annotations

from collections.abc import Container, Iterator

import strawberry
from graphql import GraphQLError
from strawberry.extensions import (
    AddValidationRules,
    MaxTokensLimiter,
    ParserCache,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from gateway.observability import get_logger
from gateway.schema.enums import register_enums
from gateway.schema.limits import MAX_TOKENS, RULES, RULES_WITHOUT_INTROSPECTION, trusted_rule
from gateway.schema.masking import HubMaskErrors, is_unexpected
from gateway.schema.plain_fields import PlainFieldsExecutor
from gateway.schema.roots import Mutation, Query
from gateway.schema.subscriptions import Subscription
from gateway.schema.words import describe

_CACHED_DOCUMENTS = 256
_log = get_logger("gateway.schema")


class HubSchema(strawberry.Schema):
    """Logs of an error its type and path only: texts, arguments and queries may hold anything."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """One line for each unexpected error."""
        for error in errors:
            if is_unexpected(error):
                _log.error(
                    "operation_failed",
                    error_type=type(error.original_error).__name__,
                    path=".".join(str(part) for part in error.path or ()),
                )


class CachedParser(ParserCache):
    """Keeps parsed documents. What cannot be parsed is left to be refused where syntax errors are expected."""

    def on_parse(self) -> Iterator[None]:
        """Take the document from the cache, or parse it."""
        parsing = super().on_parse()
        try:
            next(iter(parsing))
        except GraphQLError:
            self.execution_context.graphql_document = None
        yield


def build_schema(*, introspection: bool = False, only_trusted: Container[str] | None = None) -> HubSchema:
    """The schema of the hub. ``introspection``: callers may ask for it here (it is published as a file anyway).

    ``only_trusted``: no document is carried out but these.
    """
    register_enums()
    rules = [
        *(RULES if introspection else RULES_WITHOUT_INTROSPECTION),
        *([] if only_trusted is None else [trusted_rule(only_trusted)]),
    ]
    schema = HubSchema(
        Query,
        Mutation,
        Subscription,
        config=StrawberryConfig(disable_field_suggestions=True),
        execution_context_class=PlainFieldsExecutor,
        extensions=[
            lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
            lambda: AddValidationRules(rules),
            lambda: CachedParser(_CACHED_DOCUMENTS),
            lambda: ValidationCache(_CACHED_DOCUMENTS),
            HubMaskErrors,
        ],
    )
    describe(schema._schema)
    return schema
