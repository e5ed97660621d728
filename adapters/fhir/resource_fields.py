"""Reading the fields of a FHIR resource that came as JSON. Lenient where nothing is lost, strict where data would be.

Absent, ``null``, ``""``, ``[]`` and ``{}`` say nothing. A lone value counts as a list of one. Text is trimmed. Errors
name the path (``name[1].given[0]``) and never the value. Source: FHIR R4 2.1.4 (data types), 2.6.2 (JSON).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_TEXT = 1_000
"""Far above what any name, number or street needs; what is longer is refused, never cut."""
MOST_REPETITIONS = 100

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REPLACEMENT_CHARACTER = "\ufffd"
_HL7_NULL = '""'


class ResourceRefused(Exception):
    """Content that cannot be taken. ``code`` is a FHIR issue type, ``path`` where it stands, ``text`` what is wrong."""

    def __init__(self, code: str, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}" if path else text)
        self.code, self.path, self.text = code, path, text


@dataclass(frozen=True, slots=True, repr=False)
class Element:
    """One JSON object and where it stands."""

    fields: Mapping[str, Any]
    path: str

    def __repr__(self) -> str:
        return f"Element({self.path})"

    def at(self, name: str) -> str:
        """The path of a field of this element."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str) -> str:
        """A text field; empty when it says nothing."""
        return _text(self.fields.get(name), self.at(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of text; entries that say nothing are left out."""
        found = (_text(value, path) for value, path in self._list(name))
        return tuple(text for text in found if text)

    def flag(self, name: str) -> bool | None:
        """A boolean, ``None`` when absent."""
        value = self.fields.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, bool):
            raise ResourceRefused("structure", self.at(name), "is not true or false")
        return value

    def element(self, name: str) -> Element | None:
        """An object field, ``None`` when it says nothing."""
        return next(self.elements(name), None)

    def elements(self, name: str) -> Iterator[Element]:
        """A list of objects; empty ones are left out."""
        for value, path in self._list(name):
            if not isinstance(value, Mapping):
                raise ResourceRefused("structure", path, "is not an object")
            if value:
                yield Element(value, path)

    def _list(self, name: str) -> Iterator[tuple[Any, str]]:
        value, path = self.fields.get(name), self.at(name)
        if not isinstance(value, list):
            if value is not None and value != "":
                yield value, path
            return
        if len(value) > MOST_REPETITIONS:
            raise ResourceRefused("too-costly", path, f"repeats more than {MOST_REPETITIONS} times")
        yield from ((part, f"{path}[{n}]") for n, part in enumerate(value) if part is not None and part != "")


def resource(value: object, kind: str, path: str = "") -> Element:
    """The resource of this type.

    Raises:
        ResourceRefused: it is not a JSON object, or of another type.
    """
    if not isinstance(value, Mapping):
        raise ResourceRefused("structure", path, "is not a resource")
    if value.get("resourceType") != kind:
        raise ResourceRefused("invalid", f"{path}.resourceType" if path else "resourceType", f"is not {kind}")
    return Element(value, path)


def _text(value: object, path: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ResourceRefused("structure", path, "is not text")
    text = value.strip()
    if len(text) > LONGEST_TEXT:
        raise ResourceRefused("too-long", path, f"is longer than {LONGEST_TEXT} characters")
    if _CONTROL.search(text):
        raise ResourceRefused("value", path, "holds a control character")
    if _REPLACEMENT_CHARACTER in text:
        raise ResourceRefused("value", path, "letters were lost before sending")
    return "" if text == _HL7_NULL else text
