"""Message catalogues: English is written in the templates, other languages are TOML files beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "de": "Deutsch"})
"""Language code to its own name. The first is the one that messages are written in."""

SOURCE_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language. ``plurals`` holds the singular's translation and the plural's; ``months`` twelve short names."""

    language: str
    messages: Mapping[str, str]
    plurals: Mapping[str, Sequence[str]]
    months: Sequence[str]

    def gettext(self, message: str) -> str:
        """The message in this language; as written when there is no translation."""
        return self.messages.get(message, message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The form for a number."""
        one, many = self.plurals.get(singular, (singular, plural))
        return one if number == 1 else many


_ENGLISH_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def load_catalogue(language: str) -> Catalogue:
    """The catalogue of one of ``LANGUAGES``."""
    if language == SOURCE_LANGUAGE:
        return Catalogue(language, {}, {}, _ENGLISH_MONTHS)
    text = files("gateway.web").joinpath("messages", f"{language}.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    return Catalogue(language, read["messages"], read["plurals"], read["months"])


def choose_language(chosen: str | None, accepted: str) -> str:
    """The language that somebody chose, else the first of an Accept-Language header that we speak."""
    if chosen in LANGUAGES:
        return str(chosen)
    for part in accepted.split(","):
        language = part.partition(";")[0].strip().partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return SOURCE_LANGUAGE
