"""Reading plain objects at once changes no answer and no error: the same questions, with and without it."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any

import pytest
import strawberry

from gateway.permissions import Role
from gateway.schema.plain_fields import PlainFieldsExecutor
from tests.integration.hub_world import ANAS, ORDER, hub_of_ana


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.type
class Leaf:
    name: str
    colour: Colour = Colour.RED
    count: int | None = None


@strawberry.type
class Other:
    name: str


@strawberry.type
class Branch:
    leaves: list[Leaf]
    nothing: Leaf | None = None
    grid: list[list[int]] | None = None
    either: Leaf | Other | None = None

    @strawberry.field
    async def later(self) -> str:
        await asyncio.sleep(0)
        return "later"

    @strawberry.field
    def times(self, factor: int = 2) -> int:
        return factor * len(self.leaves)


TREE = Branch(
    leaves=[Leaf(name="a"), Leaf(name="b", colour=Colour.BLUE, count=3)], grid=[[1], []], either=Other(name="o")
)
BROKEN = {
    "null": Branch(leaves=[Leaf(name="a"), Leaf(name=None)]),  # type: ignore[arg-type]
    "kind": Branch(leaves=[Leaf(name="a", count="many")]),  # type: ignore[arg-type]
    "type": Branch(leaves=[Other(name="x")]),  # type: ignore[list-item]
    "list": Branch(leaves=7),  # type: ignore[arg-type]
    "enum": Branch(leaves=[Leaf(name="a", colour="green")]),  # type: ignore[arg-type]
    "gone": Branch(leaves=[object()]),  # type: ignore[list-item]
}


@strawberry.type
class Query:
    @strawberry.field
    def tree(self) -> Branch:
        return TREE

    @strawberry.field
    def broken(self, how: str) -> Branch | None:
        return BROKEN[how]


PLAIN = strawberry.Schema(Query, types=[Other], execution_context_class=PlainFieldsExecutor)
USUAL = strawberry.Schema(Query, types=[Other])

QUESTIONS = [
    "{ tree { leaves { name colour count } nothing { name } grid } }",
    "{ tree { __typename leaves { kind: __typename called: name } } }",
    "{ tree { leaves { ...l } later } } fragment l on Leaf { name ... @include(if: false) { count } }",
    "{ tree { leaves { name @skip(if: true) count } times(factor: 5) } }",
    "{ tree { either { ... on Other { name } ... on Leaf { count } } leaves { name } } }",
    "{ a: tree { leaves { name } } b: tree { leaves { colour } } }",
    *(f'{{ broken(how: "{how}") {{ leaves {{ name colour count }} }} tree {{ grid }} }}' for how in BROKEN),
]


async def outcome(schema: strawberry.Schema, question: str) -> tuple[Any, list[Any]]:
    result = await schema.execute(question)
    return result.data, [(error.path, error.message, error.locations) for error in result.errors or []]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_answer_and_the_same_errors(question: str) -> None:
    assert asyncio.run(outcome(PLAIN, question)) == asyncio.run(outcome(USUAL, question))


def test_it_is_taken_where_all_is_plain() -> None:
    """The questions above would prove nothing if everything were left to graphql-core."""
    seen: list[str] = []

    class Watched(PlainFieldsExecutor):
        def execute_field(self, parent_type: Any, *rest: Any) -> Any:
            seen.append(parent_type.name)
            return super().execute_field(parent_type, *rest)

    watched = strawberry.Schema(Query, types=[Other], execution_context_class=Watched)
    asyncio.run(watched.execute(QUESTIONS[0]))
    assert seen == ["Query"]


def test_published_questions_are_answered_as_before() -> None:
    hub = hub_of_ana()
    history = hub.run("ImagingHistory", Role.PHYSICIAN, patient=ANAS)
    assert [edge["node"]["studyInstanceUid"] for edge in history["studies"]["edges"]] == [
        "2.999.2",
        "2.999.1",
        "2.999.3",
    ]
    assert history["studies"]["edges"][0]["node"]["locations"][0]["patientIdentifier"]["assigningAuthority"] == "LKM"
    assert hub.run("CheckOrder", Role.PHYSICIAN, order=ORDER)["tier"] == "INTERRUPTIVE"
