"""Disjoint sets of names, joined pair by pair."""

from __future__ import annotations


class DisjointSets:
    """A name that was never joined is a set of its own."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        """The name that stands for the set of this one."""
        root = name
        while (parent := self._parent.get(root, root)) != root:
            root = parent
        while (parent := self._parent.get(name, name)) != root:
            self._parent[name], name = root, parent
        return root

    def join(self, one: str, other: str) -> None:
        self._parent[self.find(other)] = self.find(one)
