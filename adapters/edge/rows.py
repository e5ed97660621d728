"""Reads typed fields out of an agent's JSON. What has the wrong shape is refused; nothing is guessed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mpi.errors import MpiError
from mpi.identity.demographics import PartialDate
from mpi.identity.identifiers import PatientIdentifier

_LONGEST_TEXT = 1024
_LARGEST_COUNT = 10_000_000
_LONGEST_LIST = 1000


class BadField(Exception):
    """A field that is not what ``edge.graphql`` says; the text names the field."""


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One JSON object of an answer."""

    values: Mapping[str, Any]

    @classmethod
    def of(cls, value: object, name: str) -> Row:
        """Raises ``BadField`` unless the value is an object."""
        if not isinstance(value, dict):
            raise BadField(name)
        return cls(value)

    def text(self, name: str) -> str | None:
        """Text without control characters and padding; ``None`` when missing or blank."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
            raise BadField(name)
        return "".join(c for c in value if c.isprintable()).strip() or None

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise BadField(name)
        return value

    def count(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_COUNT:
            raise BadField(name)
        return value

    def listed(self, name: str, *, limit: int = _LONGEST_LIST) -> list[Any]:
        """The list of this name; empty when missing."""
        value = self.values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > limit:
            raise BadField(name)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Each text of a list once; blanks are left out."""
        found = (Row({name: value}).text(name) for value in self.listed(name))
        return tuple(dict.fromkeys(text for text in found if text is not None))

    def date(self, name: str) -> dt.date | None:
        text = self.text(name)
        try:
            return None if text is None else dt.date.fromisoformat(text)
        except ValueError:
            raise BadField(name) from None

    def instant(self, name: str) -> dt.datetime | None:
        """An aware instant; one without an offset is refused."""
        text = self.text(name)
        if text is None:
            return None
        try:
            instant = dt.datetime.fromisoformat(text)
        except ValueError:
            raise BadField(name) from None
        if instant.tzinfo is None:
            raise BadField(name)
        return instant

    def partial_date(self, name: str) -> PartialDate | None:
        text = self.text(name)
        try:
            return None if text is None else PartialDate.parse(text)
        except MpiError:
            raise BadField(name) from None

    def identifier(self) -> PatientIdentifier:
        """The identifier that this row is."""
        try:
            return PatientIdentifier(self.text("assigningAuthority") or "", self.text("localPatientId") or "")
        except MpiError:
            raise BadField("identifier") from None
