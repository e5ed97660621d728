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


class DepthLimit(ValidationRule):
    """How deep fields may be nested. A fragment that is not there or names itself is another rule's business."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._depth_of_fragment: dict[str, int] = {}

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        """Measure the deepest field under the root."""
        if self._depth(node) - 1 > MAX_DEPTH:
            self.report_error(GraphQLError(f"the maximum operation depth of {MAX_DEPTH} is exceeded"))

    def _depth(self, node: Any) -> int:
        if node is None or node.selection_set is None:
            return 0
        return max((self._depth_of(selection) for selection in node.selection_set.selections), default=0)

    def _depth_of(self, selection: Any) -> int:
        if isinstance(selection, FieldNode):
            return 1 + self._depth(selection)
        if hasattr(selection, "selection_set"):
            return self._depth(selection)
        name = selection.name.value
        if name not in self._depth_of_fragment:
            self._depth_of_fragment[name] = 0
            self._depth_of_fragment[name] = self._depth(self.context.get_fragment(name))
        return self._depth_of_fragment[name]


RULES: list[type[ASTValidationRule]] = [DepthLimit, alias_rule(MAX_ALIASES), RootFieldLimit]
