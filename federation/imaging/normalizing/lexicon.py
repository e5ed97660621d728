"""The lexicon: which words mean what, read from the TOML files in ``federation/imaging/lexicon``.

A file holds ``[[concept]]`` tables: word lists per language and what the words say. The keys are explained at the head
of each file and in docs/procedures.md.
"""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from federation.errors import InvalidCodeMap
from federation.imaging.normalizing.words import TokenPattern, fold, spelling_variants, split_words
from federation.imaging.procedures import REGION_ORDER, Contrast, Laterality, Modality, ProcedureFlag

LANGUAGES = ("en", "de", "es", "fr", "nl")
_SHORTEST_COMPOUND_PART = 4
_SHORTEST_TYPO = 4


class InvalidLexicon(InvalidCodeMap):
    """A lexicon file that cannot be used; the text names the file and the concept."""


@dataclass(frozen=True, slots=True)
class When:
    """Where a meaning holds; empty means everywhere. ``position`` is ``last`` or empty."""

    modalities: frozenset[Modality] = frozenset()
    languages: frozenset[str] = frozenset()
    context: frozenset[str] = frozenset()
    position: str = ""


@dataclass(frozen=True, slots=True)
class Concept:
    """What a word says. Every part is optional; a concept without any is noise."""

    name: str
    regions: frozenset[str] = frozenset()
    modality: Modality | None = None
    suggests: Modality | None = None
    focus: str | None = None
    side: Laterality | None = None
    side_default: Laterality | None = None
    stated: Contrast | None = None
    implies: Contrast | None = None
    implies_only: frozenset[Modality] = frozenset()
    role: str | None = None
    bare: bool = False
    sided: bool = False
    weak: bool = False
    vague: bool = False
    vessel: bool = False
    venogram: bool = False
    view: bool = False
    not_an_acquisition: bool = False
    tags: frozenset[str] = frozenset()
    flags: frozenset[ProcedureFlag] = frozenset()
    when: When | None = None

    @property
    def is_typo_target(self) -> bool:
        """Only words of a region or of contrast are recognised with a typing error; a side never is."""
        return bool(self.regions or self.role or self.stated or "spine" in self.tags) and self.side is None


@dataclass(frozen=True, slots=True)
class Meaning:
    """One concept as the meaning of one phrase; ``plural`` when the phrase names both of a paired part."""

    concept: Concept
    plural: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A phrase with its possible meanings (conditional ones first) and the languages it belongs to."""

    words: tuple[str, ...]
    meanings: tuple[Meaning, ...]
    languages: frozenset[str]


@dataclass(frozen=True)
class Lexicon:
    """All words, indexed for reading. Build with ``build_lexicon`` or take ``default_lexicon()``."""

    by_first_word: Mapping[str, tuple[Entry, ...]]
    known_words: frozenset[str]
    compound_parts: frozenset[str]
    typo_targets: tuple[str, ...]
    tokens: TokenPattern
    body_parts: Mapping[str, frozenset[str]]
    areas: tuple[frozenset[str], ...]
    longest: int = field(default=1)


@functools.cache
def default_lexicon() -> Lexicon:
    """The lexicon that comes with the package, read once on first use."""
    folder = importlib.resources.files("federation.imaging") / "lexicon"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)
    return build_lexicon({item.name: item.read_text(encoding="utf-8") for item in files})


def build_lexicon(files: Mapping[str, str]) -> Lexicon:
    """Read lexicon files (name -> TOML text). Errors: ``InvalidLexicon`` naming the file and the concept."""
    tables = {name: _parse(name, text) for name, text in files.items()}
    phrases: dict[str, tuple[list[Meaning], set[str]]] = {}
    for name, table in tables.items():
        for raw in table.get("concept", ()):
            for phrase, language, meaning in _phrases(name, raw):
                meanings, languages = phrases.setdefault(phrase, ([], set()))
                meanings.append(meaning)
                languages.update([language] if language else [])
    body_parts, areas = _body_part_tables(tables.values())
    return _index(phrases, body_parts, areas)


def _parse(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidLexicon(f"{name}: not valid TOML: {error}") from error


def _phrases(file: str, raw: Mapping[str, Any]) -> Iterable[tuple[str, str | None, Meaning]]:
    concept = _concept(file, raw)
    for language, plural in itertools.product((*LANGUAGES, "any"), (False, True)):
        listed = raw.get(f"{language}_plural" if plural else language, "")
        for written in filter(None, (part.strip() for part in listed.split(","))):
            for phrase in itertools.chain.from_iterable(spelling_variants(w) for w in _expand(written)):
                yield phrase, None if language == "any" else language, Meaning(concept, plural)


def _expand(written: str) -> list[str]:
    """``radiograf{ia|ias}`` -> both forms."""
    pieces = [piece.split("|") for piece in re.split(r"[{}]", written)]
    return ["".join(combination) for combination in itertools.product(*pieces)]


_KEYS = {
    "name", "regions", "modality", "suggests", "focus", "side", "side_default", "stated", "implies", "implies_only",
    "role", "bare", "sided", "weak", "vague", "vessel", "venogram", "view", "not_an_acquisition", "tags", "flags",
    "when", "noise", "break", "generic",
} | {f"{language}{suffix}" for language in (*LANGUAGES, "any") for suffix in ("", "_plural")}  # fmt: skip


def _concept(file: str, raw: Mapping[str, Any]) -> Concept:
    name = raw.get("name", "?")
    unknown = set(raw) - _KEYS
    regions = frozenset(raw.get("regions", ()))
    if unknown or not regions <= set(REGION_ORDER):
        wrong = ", ".join(sorted(unknown | (regions - set(REGION_ORDER))))
        raise InvalidLexicon(f"{file}: concept '{name}': not known: {wrong}")
    try:
        return Concept(
            name=name,
            regions=regions,
            modality=_one(Modality, raw.get("modality")),
            suggests=_one(Modality, raw.get("suggests")),
            focus=raw.get("focus"),
            side=_one(Laterality, raw.get("side")),
            side_default=_one(Laterality, raw.get("side_default")),
            stated=_one(Contrast, raw.get("stated")),
            implies=_one(Contrast, raw.get("implies")),
            implies_only=frozenset(Modality(item) for item in raw.get("implies_only", ())),
            role=raw.get("role"),
            tags=frozenset(raw.get("tags", ())),
            flags=frozenset(ProcedureFlag(item) for item in raw.get("flags", ())),
            when=_when(raw.get("when")),
            **{key: bool(raw.get(key)) for key in _BOOLEANS},
        )
    except ValueError as error:
        raise InvalidLexicon(f"{file}: concept '{name}': {error}") from error


_BOOLEANS = ("bare", "sided", "weak", "vague", "vessel", "venogram", "view", "not_an_acquisition")


def _one[Value: (Modality, Laterality, Contrast)](kind: type[Value], written: str | None) -> Value | None:
    return None if written is None else kind(written)


def _when(raw: Mapping[str, Any] | None) -> When | None:
    if raw is None:
        return None
    return When(
        modalities=frozenset(Modality(item) for item in raw.get("modality", ())),
        languages=frozenset(raw.get("language", ())),
        context=frozenset(raw.get("context", ())),
        position=raw.get("position", ""),
    )


def _body_part_tables(
    tables: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, frozenset[str]], tuple[frozenset[str], ...]]:
    parts: dict[str, frozenset[str]] = {}
    areas: list[frozenset[str]] = []
    for table in tables:
        parts |= {name: frozenset(regions) for name, regions in table.get("body_parts", {}).items()}
        areas += [frozenset(regions) for regions in table.get("areas", {}).values()]
    return parts, tuple(areas)


def _index(
    phrases: Mapping[str, tuple[list[Meaning], set[str]]],
    body_parts: Mapping[str, frozenset[str]],
    areas: tuple[frozenset[str], ...],
) -> Lexicon:
    tokens = TokenPattern.of(word for phrase in phrases for word in phrase.split())
    entries: dict[tuple[str, ...], Entry] = {}
    for phrase, (meanings, languages) in phrases.items():
        words = tuple(split_words(fold(phrase), tokens))
        known = entries.get(words)
        merged = [*(known.meanings if known else ()), *meanings]
        merged.sort(key=lambda meaning: meaning.concept.when is None)
        entries[words] = Entry(words, tuple(merged), frozenset(languages) | (known.languages if known else frozenset()))
    by_first: dict[str, list[Entry]] = {}
    for entry in entries.values():
        by_first.setdefault(entry.words[0], []).append(entry)
    single = {words[0]: entry for words, entry in entries.items() if len(words) == 1}
    return Lexicon(
        by_first_word={first: tuple(sorted(some, key=_longest_first)) for first, some in by_first.items()},
        known_words=frozenset(itertools.chain.from_iterable(entries)),
        compound_parts=frozenset(w for w in single if len(w) >= _SHORTEST_COMPOUND_PART and w.isalpha()),
        typo_targets=tuple(w for w, entry in single.items() if _is_typo_target(w, entry)),
        tokens=tokens,
        body_parts=body_parts,
        areas=areas,
        longest=max((len(words) for words in entries), default=1),
    )


def _longest_first(entry: Entry) -> int:
    return -len(entry.words)


def _is_typo_target(word: str, entry: Entry) -> bool:
    return (
        len(word) >= _SHORTEST_TYPO
        and word.isalpha()
        and any(meaning.concept.is_typo_target for meaning in entry.meanings)
    )


def concepts_of(entries: Sequence[Entry]) -> frozenset[Concept]:
    """Every concept some phrase of these entries may mean."""
    return frozenset(meaning.concept for entry in entries for meaning in entry.meanings)
