"""The published contract: everything in it is described, and what was released is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_specified_directive,
    is_specified_scalar_type,
)

from gateway.check_contract import FOLDER, broken_promises, main

SCHEMA = (FOLDER / "schema.graphql").read_text()
RELEASED = """
type Query {
  person(id: ID!, near: Int, old: Int @deprecated(reason: "use near")): Person!
  gone: String @deprecated(reason: "use person")
}
type Person { name: String! kind: Kind! }
enum Kind { ONE TWO OLD @deprecated(reason: "use ONE") }
input Filter { since: String until: String @deprecated(reason: "use since") }
type Mutation { change(filter: Filter): Person }
"""


def undescribed(schema: GraphQLSchema) -> list[str]:
    """What a reader of the contract is told nothing about."""
    found: list[str] = []
    for name, kind in schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(kind):
            continue
        if not kind.description:
            found.append(name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            found += [f"{name}.{field}" for field, definition in kind.fields.items() if not definition.description]
        if isinstance(kind, GraphQLObjectType):
            found += [
                f"{name}.{field}({argument}:)"
                for field, definition in kind.fields.items()
                for argument, described in definition.args.items()
                if not described.description
            ]
        if isinstance(kind, GraphQLEnumType):
            found += [f"{name}.{value}" for value, definition in kind.values.items() if not definition.description]
    return found


def test_every_type_field_argument_and_value_is_described() -> None:
    assert undescribed(build_schema(SCHEMA)) == []


def test_what_is_not_described_is_noticed() -> None:
    found = undescribed(build_schema(RELEASED))
    assert {"Person", "Person.name", "Query.person(near:)", "Kind.TWO", "Filter.since"} <= set(found)


def test_no_directive_of_ours_is_undescribed() -> None:
    own = [d for d in build_schema(SCHEMA).directives if not is_specified_directive(d)]
    assert [directive.name for directive in own if not directive.description] == []


def test_the_released_contract_is_kept() -> None:
    assert main() == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: String!", "name: String"),
        ("near: Int,", ""),
        ("near: Int,", "near: Int!,"),
        ("near: Int,", "near: String,"),
        ("ONE TWO", "ONE"),
        ("since: String", "since: String!"),
        ("type Person { name: String! kind", "type Person { kind"),
        ("change(filter", "alter(filter"),
        ("near: Int,", "near: Int, needed: Int!,"),
    ],
)
def test_what_callers_would_stumble_over_is_named(before: str, after: str) -> None:
    assert before in RELEASED
    assert len(broken_promises(RELEASED, RELEASED.replace(before, after))) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (', old: Int @deprecated(reason: "use near")', ""),
        ('gone: String @deprecated(reason: "use person")', ""),
        (' OLD @deprecated(reason: "use ONE")', ""),
        (' until: String @deprecated(reason: "use since")', ""),
        ("ONE TWO", "ONE TWO THREE"),
        ("name: String!", "name: String! born: String"),
        ("near: Int,", "near: Int, far: Int,"),
    ],
)
def test_what_was_deprecated_may_go_and_more_may_come(before: str, after: str) -> None:
    assert before in RELEASED
    assert broken_promises(RELEASED, RELEASED.replace(before, after)) == ()


def test_the_released_copy_is_a_schema_of_its_own() -> None:
    assert Path(FOLDER / "released.graphql").read_text().startswith("# Printed from the code")
