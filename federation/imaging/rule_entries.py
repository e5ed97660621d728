"""Checked reading of the entries of a rule-set file; every refusal names the entry (``class[3].warning``)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from federation.errors import InvalidRuleSet
from federation.imaging.procedures import REGION_ORDER, UNKNOWN_REGION, Modality

_Word = TypeVar("_Word", bound=Enum)

KNOWN_MODALITIES = tuple(modality for modality in Modality if modality is not Modality.UNKNOWN)
_KNOWN_REGIONS = frozenset(REGION_ORDER) - {UNKNOWN_REGION}


class Entry:
    """One table of the file and its path. Each key is read once; ``done`` refuses the keys that nobody read."""

    def __init__(self, table: object, path: str = "") -> None:
        if not isinstance(table, Mapping):
            raise InvalidRuleSet(f"{path}: is not a table")
        self._table: Mapping[str, object] = table
        self._read: set[str] = set()
        self.path = path

    def path_of(self, key: str) -> str:
        """How errors name a key of this entry."""
        return f"{self.path}.{key}" if self.path else key

    def refuse(self, key: str, what: str) -> InvalidRuleSet:
        """The error for a key of this entry."""
        return InvalidRuleSet(f"{self.path_of(key)}: {what}")

    def has(self, key: str) -> bool:
        """Whether the key is written at all."""
        return key in self._table

    def _value(self, key: str) -> object:
        self._read.add(key)
        if key not in self._table:
            raise self.refuse(key, "is missing")
        return self._table[key]

    def text(self, key: str) -> str:
        """A text that is not blank."""
        value = self._value(key)
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(key, "is not a text")
        return value

    def optional_text(self, key: str) -> str | None:
        """A text, or ``None`` when the key is absent."""
        return self.text(key) if self.has(key) else None

    def truth(self, key: str, default: bool) -> bool:
        """true or false; the default when absent."""
        if not self.has(key):
            return default
        value = self._value(key)
        if not isinstance(value, bool):
            raise self.refuse(key, "is neither true nor false")
        return value

    def number(self, key: str) -> float:
        """A finite number, zero or more."""
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise self.refuse(key, "is not a number of zero or more")
        return float(value)

    def days_or_never(self, key: str) -> float | None:
        """A number of days, or ``None`` for "never"."""
        return None if self._value(key) == "never" else self.number(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, not empty and without repetition."""
        value = self._value(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
            raise self.refuse(key, "is not a list of texts")
        if len(set(value)) < len(value):
            raise self.refuse(key, "names something twice")
        return tuple(value)

    def word(self, key: str, words: type[_Word]) -> _Word:
        """One word of a closed list."""
        return self._as_word(key, self.text(key), words)

    def words(self, key: str, words: type[_Word]) -> frozenset[_Word]:
        """Words of a closed list."""
        return frozenset(self._as_word(key, text, words) for text in self.texts(key))

    def optional_words(self, key: str, words: type[_Word]) -> frozenset[_Word]:
        """Words of a closed list; none when the key is absent."""
        return self.words(key, words) if self.has(key) else frozenset()

    def modality(self, key: str) -> Modality:
        """A known modality."""
        return self._known(key, self.word(key, Modality))

    def modalities(self, key: str) -> frozenset[Modality]:
        """Known modalities; all of them when the key is absent."""
        if not self.has(key):
            return frozenset(KNOWN_MODALITIES)
        return frozenset(self._known(key, modality) for modality in self.words(key, Modality))

    def region(self, key: str) -> str:
        """A known region."""
        return self._as_region(key, self.text(key))

    def optional_region(self, key: str) -> str | None:
        """A known region, or ``None`` when the key is absent."""
        return self.region(key) if self.has(key) else None

    def regions(self, key: str) -> frozenset[str]:
        """Known regions."""
        return frozenset(self._as_region(key, text) for text in self.texts(key))

    def entry(self, key: str) -> Entry:
        """A table inside this one."""
        return Entry(self._value(key), self.path_of(key))

    def entries(self, key: str) -> tuple[Entry, ...]:
        """A list of tables inside this one; empty when the key is absent."""
        if not self.has(key):
            return ()
        value = self._value(key)
        if not isinstance(value, list):
            raise self.refuse(key, "is not a list of tables")
        return tuple(Entry(item, f"{self.path_of(key)}[{number}]") for number, item in enumerate(value, start=1))

    def done(self) -> None:
        """Refuse keys that mean nothing here: a misspelt entry must not be lost in silence."""
        for key in self._table:
            if key not in self._read:
                raise self.refuse(key, "means nothing here")

    def _as_word(self, key: str, text: str, words: type[_Word]) -> _Word:
        for word in words:
            if word.value == text or (isinstance(word.value, int) and word.name.lower() == text):
                return word
        raise self.refuse(key, f"{text!r} is not one of the words allowed here")

    def _known(self, key: str, modality: Modality) -> Modality:
        if modality is Modality.UNKNOWN:
            raise self.refuse(key, "UNKNOWN never alerts")
        return modality

    def _as_region(self, key: str, text: str) -> str:
        if text not in _KNOWN_REGIONS:
            raise self.refuse(key, f"{text!r} is not a known region")
        return text
