"""The authorisation matrix, made from the schema and the routes, and what in them has no rule.

root fields of Query, Mutation and Subscription  ->  gateway.permissions (roles, and a policy row)
routes of the application                        ->  gateway.doors
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from strawberry import Schema

from gateway.doors import DOORS, Knock
from gateway.permissions import FHIR_ROLES_ALLOWED, POLICIES, ROLES_ALLOWED, OperationPolicy, Role
from gateway.schema.guard import Guarded
from gateway.schema.stream_guard import GuardedStream

ROOTS = ("Query", "Mutation", "Subscription")


@dataclass(frozen=True, slots=True)
class RootField:
    """A field of a root, with the operations that its guards stand for (exactly one, its own name, is right)."""

    root: str
    name: str
    guards: tuple[str, ...]


def root_fields(schema: Schema) -> tuple[RootField, ...]:
    """Every root field, as the schema writes it."""
    found = []
    for root in ROOTS:
        definition = schema.get_type_by_name(root)
        for field in getattr(definition, "fields", ()):
            name = schema.config.name_converter.get_graphql_name(field)
            guards = tuple(e.operation for e in field.extensions if isinstance(e, Guarded | GuardedStream))
            found.append(RootField(root, name, guards))
    return tuple(found)


def knocks(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[str]:
    """``METHOD /path`` of every route, mounted ones too; ``ANY`` where the endpoint looks at the method itself."""
    for route in routes:
        if isinstance(route, Mount):
            path = prefix + route.path
            yield from knocks(route.routes, path) if route.routes else (f"ANY {path}",)
        elif isinstance(route, Route):
            methods = sorted((route.methods or {"ANY"}) - {"HEAD"})
            yield from (f"{method} {prefix}{route.path}" for method in methods)
        elif isinstance(route, WebSocketRoute):
            yield f"SOCKET {prefix}{route.path}"
        else:
            yield f"{type(route).__name__} {prefix}{getattr(route, 'path', '')}"


def problems(schema: Schema, routes: Sequence[BaseRoute]) -> tuple[str, ...]:
    """What has no rule, or a rule for nothing; empty when the matrix is whole."""
    fields, doors = root_fields(schema), set(knocks(routes))
    operations = {field.name for field in fields}
    behind_doors = {what for knock, what in DOORS.values() if knock is Knock.BEARER and what.startswith("fhir:")}
    found = [f"{f.root}.{f.name}: not guarded under its own name" for f in fields if f.guards != (f.name,)]
    found += [f"{name}: no row in POLICIES" for name in sorted(operations - set(ROLES_ALLOWED))]
    found += [f"{name}: in POLICIES, not in the schema" for name in sorted(set(ROLES_ALLOWED) - operations)]
    found += [f"{knock}: no row in DOORS" for knock in sorted(doors - set(DOORS))]
    found += [f"{knock}: in DOORS, not a route" for knock in sorted(set(DOORS) - doors)]
    found += [f"{name}: behind no door" for name in sorted(set(FHIR_ROLES_ALLOWED) ^ behind_doors)]
    return tuple(found)


_HEAD = """# Access matrix

Made from the code by `python -m gateway.print_access_matrix`; `make check` compares. What the columns mean is in
[access.md](access.md). What is in neither table is refused to everybody.

- **purposes**: declared purposes of use that are taken; a token that declares none is taken too.
- **scope**: the SMART scope that is needed besides the role where a token carries resource scopes.
- **sites**: what a token that names sites narrows. *acting*: the order is placed at one of them. *related*: the person
  is known at one of them, others are as unknown. *whole*: closed to such a token.
"""


def matrix_markdown(schema: Schema) -> str:
    """The document."""
    lines = [
        _HEAD,
        "## Operations",
        "",
        _row("operation", *(role.value for role in Role), "purposes", "scope", "sites"),
    ]
    lines.append(_row(*("---" for _ in range(len(Role) + 4))))
    kinds: dict[str, list[str]] = {}
    for field in root_fields(schema):
        kinds.setdefault(field.name, []).append(field.root.lower())
    for name, policy in sorted(POLICIES.items()):
        kind = ", ".join(kinds.get(name, []))
        marks = ("yes" if role in policy.roles else "" for role in Role)
        lines.append(_row(f"`{name}`" + (f" ({kind})" if kind else ""), *marks, *_rules(policy)))
    lines += ["", "## Doors", "", _row("door", "who is there", "behind it"), _row("---", "---", "---")]
    lines += [_row(f"`{door}`", knock.value, what) for door, (knock, what) in sorted(DOORS.items())]
    return "\n".join(lines) + "\n"


def _rules(policy: OperationPolicy) -> tuple[str, str, str]:
    scope = "closed" if policy.needs is None else f"{policy.needs.resource}.{policy.needs.rights}"
    return " ".join(sorted(policy.purposes)) or "any", scope, policy.sites.value


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")
