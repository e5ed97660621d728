"""Objects whose fields are plain attributes are read at once, not field by field: a page of studies is all of that.

graphql-core prepares every field as if it might have a resolver, wait or fail; for fifty studies that is most of an
answer's time. Here a selection of plain attributes becomes a list of reads, made once a request. Whatever is not plain
(a resolver, an argument, a union, a directive, a null where none may be, a value that does not fit) is left to
graphql-core, from the beginning and for the whole object, so answers and errors are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_leaf_type,
)
from graphql.type import GraphQLLeafType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

Read = Callable[[Any], Any]

_CONDITIONS = frozenset({"skip", "include"})
_DEFINITION = "strawberry-definition"
_NOT_FITTING = (AttributeError, TypeError, ValueError, GraphQLError)


class _NotPlain(Exception):
    """Must be left to graphql-core."""


class PlainFieldsExecutor(StrawberryGraphQLCoreExecutionContext):
    """One a request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plans: dict[tuple[str, int], tuple[object, Read | None]] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """All fields of one object."""
        if path is not None and position_context is None:
            read = self._plan(parent_type, grouped_field_set)
            if read is not None:
                try:
                    return read(source_value)
                except (_NotPlain, *_NOT_FITTING):
                    pass  # told again, with its error, by graphql-core
        return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)

    def _plan(self, parent_type: GraphQLObjectType, grouped_field_set: Any) -> Read | None:
        key = (parent_type.name, id(grouped_field_set))
        kept = self._plans.get(key)
        if kept is None:
            try:
                read: Read | None = self._object(parent_type, grouped_field_set)
            except _NotPlain:
                read = None
            # The selection is kept with its plan, so that its id is not given to another one meanwhile.
            kept = self._plans[key] = (grouped_field_set, read)
        return kept[1]

    def _object(self, of: GraphQLObjectType, grouped_field_set: Any) -> Read:
        reads = [(name, *self._field(of, details)) for name, details in grouped_field_set.items()]

        def read(source: Any) -> dict[str, Any]:
            return {
                name: value(getattr(source, attribute) if attribute else source) for name, attribute, value in reads
            }

        return read

    def _field(self, of: GraphQLObjectType, details: Any) -> tuple[str, Read]:
        """The attribute ('' for none) and what becomes of its value."""
        nodes = [detail.node for detail in details]
        if any(directive.name.value not in _CONDITIONS for node in nodes for directive in node.directives or ()):
            raise _NotPlain
        if nodes[0].name.value == "__typename":
            return "", lambda _: of.name
        field: GraphQLField | None = self.schema.get_field(of, nodes[0].name.value)
        definition = None if field is None else (field.extensions or {}).get(_DEFINITION)
        if field is None or not isinstance(definition, StrawberryField) or not definition.is_basic_field or field.args:
            raise _NotPlain
        return definition.python_name, self._value(field.type, details)

    def _value(self, kind: GraphQLOutputType, details: Any) -> Read:
        if isinstance(kind, GraphQLNonNull):
            return _required(self._value(kind.of_type, details))
        if isinstance(kind, GraphQLList):
            return _each(self._value(kind.of_type, details))
        if is_leaf_type(kind):
            return _leaf(kind)
        if not isinstance(kind, GraphQLObjectType):
            raise _NotPlain
        collected = self.collect_subfields(kind, details)
        if collected[1]:
            raise _NotPlain
        origin = getattr((kind.extensions or {}).get(_DEFINITION), "origin", None)
        return _instance(origin, self._object(kind, collected[0]))


def _required(value: Read) -> Read:
    def read(source: Any) -> Any:
        found = value(source)
        if found is None:
            raise _NotPlain
        return found

    return read


def _each(value: Read) -> Read:
    def read(source: Any) -> Any:
        if source is None:
            return None
        if type(source) is not list:
            raise _NotPlain
        return [value(item) for item in source]

    return read


def _leaf(kind: GraphQLLeafType) -> Read:
    coerce = cast(Read, kind.coerce_output_value)

    def read(source: Any) -> Any:
        if source is None:
            return None
        found = coerce(source)
        if found is None or found is Undefined:
            raise _NotPlain
        return found

    return read


def _instance(origin: object, value: Read) -> Read:
    def read(source: Any) -> Any:
        if source is None:
            return None
        if type(source) is not origin:
            raise _NotPlain
        return value(source)

    return read
