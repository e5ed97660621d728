"""The published GraphQL operations, as files that ship with the hub."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable


def operation(name: str) -> str:
    """The text of ``operations/<name>.graphql``.

    Raises:
        FileNotFoundError: there is no such operation.
    """
    return (_folder() / f"{name}.graphql").read_text(encoding="utf-8")


def operation_texts() -> tuple[str, ...]:
    """The texts of all of them, by name."""
    found = sorted(_folder().iterdir(), key=lambda file: file.name)
    return tuple(file.read_text(encoding="utf-8") for file in found if file.name.endswith(".graphql"))


def _folder() -> Traversable:
    """An installed package holds the operations; in a checkout they lie beside it."""
    package = files("gateway")
    inside = package / "operations"
    return inside if inside.is_dir() else package / ".." / "operations"
