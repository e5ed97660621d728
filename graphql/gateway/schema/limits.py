"""How large a question may be. Everything here is decided from the document alone, before a resolver runs.

One rule measures an operation in time proportional to the document: a fragment is measured once, however often it is
spread, so fragments that spread each other cannot make the measuring itself the attack. The rule classes are made
once: the cache of validated documents is keyed by them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

NOT_TRUSTED = "this hub carries out documents that it knows beforehand only"
MAX_DEPTH = 12
"""Fields with a selection below each other."""

MAX_ALIASES = 15
MAX_ROOT_FIELDS = 5
MAX_TOKENS = 1500
MAX_COST = 60_000
"""Fields that an answer may hold, by the sizes of its lists."""

UNKNOWN_PAGE = 100
"""Size of a page whose `first` is a variable, whatever its default: the largest that most lists give."""

ASSUMED_LENGTH = 5
"""Length of a list that has no `first`."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a selection: fields below each other, aliases, fields side by side at its top, fields in the answer."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    cost: int = 0

    def beside(self, other: Size) -> Size:
        return Size(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.fields + other.fields,
            self.cost + other.cost,
        )

    def under_a_field(self, *, is_aliased: bool, times: int) -> Size:
        return Size(self.depth + 1, self.aliases + is_aliased, 1, times * (1 + self.cost))


class SizeLimit(ValidationRule):
    """Refuses documents with an operation that is too large in any way."""

    def enter_document(self, node: DocumentNode, *_: Any) -> None:
        """Measure every operation of the document."""
        operations = [one for one in node.definitions if isinstance(one, OperationDefinitionNode)]
        fragments = {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)}
        for operation in operations:
            self._judge(Measure(self.context.schema, fragments).operation(operation))

    def _judge(self, size: Size) -> None:
        if size.fields > MAX_ROOT_FIELDS:
            self.report_error(GraphQLError(f"more than {MAX_ROOT_FIELDS} fields at the root of one operation"))
        if size.depth - 1 > MAX_DEPTH:
            self.report_error(GraphQLError(f"the maximum operation depth of {MAX_DEPTH} is exceeded"))
        if size.aliases > MAX_ALIASES:
            self.report_error(GraphQLError(f"more than {MAX_ALIASES} aliases"))
        if size.cost > MAX_COST:
            self.report_error(GraphQLError(f"an answer could hold more than {MAX_COST} fields: ask for smaller pages"))


class Measure:
    """Measures selections of one operation. What the schema does not know is left to the rules that name it."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema, self._fragments = schema, fragments
        self._known: dict[tuple[str, int | None], Size] = {}

    def operation(self, node: OperationDefinitionNode) -> Size:
        """The size of the whole operation."""
        return self._of(node.selection_set, self._schema.get_root_type(node.operation), None)

    def _of(self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None, page: int | None) -> Size:
        """``page``: how many there are of the next list below."""
        size = Size()
        for node in () if selections is None else selections.selections:
            if isinstance(node, FieldNode):
                size = size.beside(self._field(node, parent, page))
            elif isinstance(node, InlineFragmentNode):
                size = size.beside(self._of(node.selection_set, self._narrowed(node, parent), page))
            elif isinstance(node, FragmentSpreadNode):
                size = size.beside(self._fragment(node.name.value, page))
        return size

    def _fragment(self, name: str, page: int | None) -> Size:
        if (name, page) not in self._known:
            self._known[name, page] = Size()  # what spreads itself is refused by another rule
            fragment = self._fragments.get(name)
            if fragment is not None:
                on = self._schema.get_type(fragment.type_condition.name.value)
                self._known[name, page] = self._of(fragment.selection_set, on, page)
        return self._known[name, page]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, page: int | None) -> Size:
        is_aliased = node.alias is not None
        field: GraphQLField | None = getattr(parent, "fields", {}).get(node.name.value)
        if field is None:
            return self._of(node.selection_set, None, page).under_a_field(is_aliased=is_aliased, times=1)
        times = 1
        if "first" in field.args:
            page = self._page(node, field)
        elif is_list_type(get_nullable_type(field.type)):
            times, page = ASSUMED_LENGTH if page is None else page, None
        below = self._of(node.selection_set, get_named_type(field.type), page)
        return below.under_a_field(is_aliased=is_aliased, times=times)

    def _narrowed(self, node: InlineFragmentNode, parent: GraphQLNamedType | None) -> GraphQLNamedType | None:
        return parent if node.type_condition is None else self._schema.get_type(node.type_condition.name.value)

    def _page(self, node: FieldNode, field: GraphQLField) -> int:
        given = next((argument.value for argument in node.arguments or () if argument.name.value == "first"), None)
        if isinstance(given, IntValueNode) and len(given.value) < len(str(MAX_COST)) + 1:
            return max(int(given.value), 1)
        if isinstance(given, VariableNode):
            return UNKNOWN_PAGE
        default = field.args["first"].default_value
        return default if given is None and isinstance(default, int) else MAX_COST


def trusted_rule(trusted: Container[str]) -> type[ASTValidationRule]:
    """A rule that refuses every document but these, compared by their text as it was sent."""

    class OnlyTrusted(ASTValidationRule):
        def enter_document(self, node: DocumentNode, *_: Any) -> None:
            if node.loc is None or node.loc.source.body not in trusted:
                self.report_error(GraphQLError(NOT_TRUSTED, extensions={"code": "DOCUMENT_NOT_TRUSTED"}))

    return OnlyTrusted


RULES: list[type[ASTValidationRule]] = [SizeLimit]
RULES_WITHOUT_INTROSPECTION: list[type[ASTValidationRule]] = [SizeLimit, NoSchemaIntrospectionCustomRule]
