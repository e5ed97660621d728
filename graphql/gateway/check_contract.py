"""Does the schema still keep what was released? ``python -m gateway.check_contract``, part of ``make check``.

``graphql/released.graphql`` is the contract of the last release; releasing copies ``schema.graphql`` over it. What was
released deprecated may be removed, nothing else may be removed, renamed or made stricter.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from graphql import (
    BreakingChangeType,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
)

FOLDER = Path(__file__).resolve().parents[1]
_REMOVALS = {
    BreakingChangeType.FIELD_REMOVED,
    BreakingChangeType.ARG_REMOVED,
    BreakingChangeType.VALUE_REMOVED_FROM_ENUM,
}
_COORDINATE = re.compile(r"(\w+)\.(\w+)(?:\((\w+):\))?")


def broken_promises(released: str, current: str) -> tuple[str, ...]:
    """What callers of the release would stumble over, one line each."""
    before, after = build_schema(released), build_schema(current)
    return tuple(
        f"{change.type.name}: {change.description}"
        for change in find_breaking_changes(before, after)
        if not (change.type in _REMOVALS and _was_deprecated(before, change.description))
    )


def _was_deprecated(released: GraphQLSchema, description: str) -> bool:
    found = _COORDINATE.search(description)
    if found is None:
        return False
    name, member, argument = found.groups()
    kind = released.get_type(name)
    if isinstance(kind, GraphQLEnumType):
        return kind.values[member].deprecation_reason is not None
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        return False
    field = kind.fields[member]
    if argument is not None and not isinstance(kind, GraphQLInputObjectType):
        return kind.fields[member].args[argument].deprecation_reason is not None
    return field.deprecation_reason is not None


def main() -> int:
    """Compare the files; 1 when a promise is broken."""
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in ("released.graphql", "schema.graphql")]
    broken = broken_promises(*texts)
    for line in broken:
        sys.stderr.write(f"breaks the released contract: {line}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
