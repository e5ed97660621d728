"""How large a question may be."""

from __future__ import annotations

from typing import Any

from graphene.validation import DisableIntrospection, depth_limit_validator
from graphql import GraphQLError, ValidationRule

MAX_DEPTH = 6
MAX_TOKENS = 500
MAX_ROOT_FIELDS = 2
MAX_FIELDS = 100


class FieldLimit(ValidationRule):
    """Each root field may ask the archive; aliases count, and so does every use of a fragment's fields."""

    def enter_operation_definition(self, node: Any, *_: Any) -> None:
        """Count what an operation asks for."""
        root, total = _count(node, self.context, frozenset())
        if root > MAX_ROOT_FIELDS or total > MAX_FIELDS:
            self.report_error(GraphQLError("too many fields in one question"))


def _count(node: Any, context: Any, seen: frozenset[str]) -> tuple[int, int]:
    """(fields directly here, fields here and below)."""
    here = total = 0
    if node.selection_set is None:
        return here, total
    for selection in node.selection_set.selections:
        if selection.kind == "field":
            here += 1
            total += 1 + _count(selection, context, seen)[1]
            continue
        name = "" if selection.kind == "inline_fragment" else selection.name.value
        part = context.get_fragment(name) if name else selection
        if name not in seen and part is not None:
            inside = _count(part, context, seen | {name} if name else seen)
            here, total = here + inside[0], total + inside[1]
    return here, total


def rules(*, introspection: bool) -> list[Any]:
    """The rules beside GraphQL's own."""
    own = [depth_limit_validator(max_depth=MAX_DEPTH), FieldLimit]
    return own if introspection else [*own, DisableIntrospection]
