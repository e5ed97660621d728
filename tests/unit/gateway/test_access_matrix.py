"""The matrix is whole, and it notices what is missing."""

from __future__ import annotations

import strawberry
from starlette.responses import Response
from starlette.routing import Mount, Route

from gateway import print_access_matrix
from gateway.access_matrix import knocks, problems
from gateway.doors import DOORS
from gateway.print_access_matrix import every_route
from gateway.schema.build import build_schema
from gateway.schema.guard import Guarded
from gateway.schema.roots import Mutation, Query
from gateway.schema.subscriptions import Subscription


def nothing() -> Response:
    return Response()


def test_every_operation_and_every_route_has_its_rules_and_the_document_is_current() -> None:
    assert problems(build_schema(), every_route()) == ()
    assert print_access_matrix.main(["--check"]) == 0


def test_a_new_field_without_a_rule_is_named() -> None:
    @strawberry.type(name="Query")
    class Wider(Query):
        @strawberry.field(extensions=[Guarded("everything")])
        async def everything(self) -> str:
            return ""

        @strawberry.field
        async def unguarded(self) -> str:
            return ""

    found = problems(strawberry.Schema(Wider, Mutation, Subscription), every_route())
    assert found == (
        "Query.unguarded: not guarded under its own name",
        "everything: no row in POLICIES",
        "unguarded: no row in POLICIES",
    )


def test_a_new_route_without_a_rule_is_named_and_so_is_a_rule_without_a_route() -> None:
    routes = [*every_route(), Mount("/more", routes=[Route("/{x}", nothing, methods=["GET", "DELETE"])])]
    assert problems(build_schema(), routes) == ("DELETE /more/{x}: no row in DOORS", "GET /more/{x}: no row in DOORS")
    without_health = [route for route in every_route() if getattr(route, "path", "") != "/healthz"]
    assert problems(build_schema(), without_health) == ("GET /healthz: in DOORS, not a route",)
    assert set(knocks(every_route())) == set(DOORS)
