"""Which flags an order's own codes set: priority, care setting, reason for the examination.

What counts is data (``context_tables/context-1.toml``); every flag comes with the code or phrase that set it. New
injuries are not read from injury codes: those also name the one that the prior was made for.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from federation.errors import InvalidContextTable
from federation.imaging.orders import ClinicalFlag, ContextEvidence

_WORD = re.compile(r"\w+|[,;.:]")
_CLAUSE_ENDS = frozenset(",;.:")
_OWN_SYSTEM = "PRIORLINK"
_NEGATION_REACH = 3


@dataclass(frozen=True, slots=True, repr=False)
class ReasonForExam:
    """One coded reason, or words; any part may be empty."""

    code: str = ""
    system: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ReasonEntry:
    """What sets one flag: code prefixes of a system, phrases of words."""

    flag: ClinicalFlag
    codes: tuple[tuple[str, str], ...]
    phrases: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class ContextTable:
    """A table, ready for reading. Keys are case-folded."""

    name: str
    systems: Mapping[str, str]
    priorities: Mapping[str, ClinicalFlag]
    settings: Mapping[str, ClinicalFlag]
    reasons: tuple[ReasonEntry, ...]
    negations: frozenset[str]


@cache
def default_context_table() -> ContextTable:
    """``context/1`` as shipped."""
    resource = files("federation.imaging").joinpath("context_tables", "context-1.toml")
    return parse_context_table(resource.read_text(encoding="utf-8"))


def parse_context_table(text: str) -> ContextTable:
    """Read a table.

    Raises:
        InvalidContextTable: not TOML, or an entry is missing or misspelt; the error names it.
    """
    try:
        document = tomllib.loads(text)
        systems = {alias.casefold(): name for name, aliases in document["systems"].items() for alias in aliases}
        return ContextTable(
            name=document["name"],
            systems=systems,
            priorities={word.casefold(): ClinicalFlag(flag) for word, flag in document["priorities"].items()},
            settings={word.casefold(): ClinicalFlag(flag) for word, flag in document["settings"].items()},
            reasons=tuple(_entry(entry) for entry in document["reasons"]),
            negations=frozenset(document["negations"]),
        )
    except tomllib.TOMLDecodeError as error:
        raise InvalidContextTable(f"context table is not TOML: {error}") from error
    except KeyError as error:
        raise InvalidContextTable(f"context table: {error.args[0]} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidContextTable(f"context table: {error}") from error


def read_context(
    reasons: Iterable[ReasonForExam],
    *,
    priority: str = "",
    setting: str = "",
    table: ContextTable | None = None,
) -> tuple[ContextEvidence, ...]:
    """The flags that are said, each once, with what said it. ``priority`` and ``setting`` are codes as sent."""
    known = default_context_table() if table is None else table
    found: dict[ClinicalFlag, str] = {}
    for what, code, meaning in (("priority", priority, known.priorities), ("care setting", setting, known.settings)):
        flag = meaning.get(code.strip().casefold())
        if flag is not None:
            found.setdefault(flag, f"{what} {code.strip().casefold()}")
    for reason in reasons:
        for flag, said in _said_by(reason, known):
            found.setdefault(flag, said)
    return tuple(ContextEvidence(flag, said) for flag, said in found.items())


def _entry(entry: Mapping[str, Sequence[str]]) -> ReasonEntry:
    codes = (code.partition(":") for code in entry["codes"])
    return ReasonEntry(
        ClinicalFlag(entry["flag"]),
        tuple((system, prefix.upper().replace(".", "")) for system, _, prefix in codes),
        tuple(tuple(_words(phrase)) for phrase in entry["phrases"]),
    )


def _said_by(reason: ReasonForExam, table: ContextTable) -> Iterable[tuple[ClinicalFlag, str]]:
    system = table.systems.get(reason.system.strip().casefold())
    own = reason.code.strip().casefold()
    if system == _OWN_SYSTEM and own in {flag.value for flag in ClinicalFlag}:
        yield ClinicalFlag(own), "reason code"
    code = reason.code.strip().upper().replace(".", "")
    words = _words(reason.text)
    for entry in table.reasons:
        prefix = next((p for name, p in entry.codes if name == system and code.startswith(p)), None)
        if prefix is not None:
            yield entry.flag, f"reason code {system} {prefix}"
        phrase = next((p for p in entry.phrases if _holds(words, p, table.negations)), None)
        if phrase is not None:
            yield entry.flag, f"reason '{' '.join(phrase)}'"


def _holds(words: Sequence[str], phrase: Sequence[str], negations: frozenset[str]) -> bool:
    length = len(phrase)
    return any(
        tuple(words[start : start + length]) == tuple(phrase) and not _is_negated(words[:start], negations)
        for start in range(len(words) - length + 1)
    )


def _is_negated(before: Sequence[str], negations: frozenset[str]) -> bool:
    """A word of negation stands shortly before, in the same clause."""
    for word in reversed(before[-_NEGATION_REACH:]):
        if word in _CLAUSE_ENDS:
            return False
        if word in negations:
            return True
    return False


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("_", " "))
