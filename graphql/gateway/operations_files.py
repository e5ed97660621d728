"""The published GraphQL operations, as files that ship with the hub."""

from __future__ import annotations

from importlib.resources import files


def operation(name: str) -> str:
    """The text of ``operations/<name>.graphql``.

    Raises:
        FileNotFoundError: there is no such operation.
    """
    package = files("gateway")
    inside = package / "operations" / f"{name}.graphql"
    # An installed package holds the operations; in a checkout they lie beside it.
    found = inside if inside.is_file() else package / ".." / "operations" / f"{name}.graphql"
    return found.read_text(encoding="utf-8")
