"""How large a question may be. The rule classes are made once: the cache of validated documents is keyed by them."""

from __future__ import annotations

from typing import Any

from graphql import (
    ASTValidationRule,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    ValidationContext,
    ValidationRule,
)
from strawberry.extensions.max_aliases import create_validator as alias_rule
from strawberry.extensions.query_depth_limiter import create_validator as depth_rule

MAX_DEPTH = 12
MAX_ALIASES = 15
MAX_ROOT_FIELDS = 5
MAX_TOKENS = 1500


class RootFieldLimit(ValidationRule):
    """Each root field may ask every site: a few at a time are enough."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        """Count what stands directly under the root; fragments there count with all their fields."""
        if _count(node, self.context, frozenset()) > MAX_ROOT_FIELDS:
            self.report_error(GraphQLError(f"more than {MAX_ROOT_FIELDS} fields at the root of one operation"))


def _count(node: Any, context: Any, seen: frozenset[str]) -> int:
    total = 0
    for selection in node.selection_set.selections:
        if isinstance(selection, FieldNode):
            total += 1
        elif hasattr(selection, "selection_set"):
            total += _count(selection, context, seen)
        elif (name := selection.name.value) not in seen and (fragment := context.get_fragment(name)) is not None:
            total += _count(fragment, context, seen | {name})
    return total


RULES: list[type[ASTValidationRule]] = [depth_rule(MAX_DEPTH, None), alias_rule(MAX_ALIASES), RootFieldLimit]
