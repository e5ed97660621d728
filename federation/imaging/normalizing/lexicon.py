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
from dataclasses import dataclass
from typing import Any, TypeVar

from federation.errors import InvalidLexicon
from federation.imaging.normalizing.words import TokenPattern, Vocabulary, fold, split_words
from federation.imaging.procedures import REGION_ORDER, Contrast, Laterality, Modality, ProcedureFlag

_Value = TypeVar("_Value", Modality, Laterality, Contrast)
LANGUAGES = ("en", "de", "es", "fr", "nl")
_SHORTEST_COMPOUND_PART = 4
_SHORTEST_TYPO = 4


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
    addition: bool = False
    only_here: bool = False
    generic: bool = False
    tags: frozenset[str] = frozenset()
    flags: frozenset[ProcedureFlag] = frozenset()
    when: When | None = None

    @property
    def says_nothing(self) -> bool:
        """True for noise: read, but no evidence of anything."""
        told = (self.modality, self.suggests, self.focus, self.side, self.side_default, self.stated, self.implies)
        return not (self.regions or self.role or self.tags or self.flags or self.vessel or any(told))

    @property
    def is_typo_target(self) -> bool:
        """Only words of a region or of contrast are recognised with a typing error; a side never is."""
        tells = bool(self.regions or self.role or self.stated or "spine" in self.tags)
        return tells and self.side is None and len(self.regions) <= 1


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


@dataclass(frozen=True, eq=False)
class Lexicon:
    """All words, indexed for reading. Build with ``build_lexicon`` or take ``default_lexicon()``.

    ``lengths`` gives for a first word how many words its phrases have, the longest first.
    """

    entries: Mapping[tuple[str, ...], Entry]
    lengths: Mapping[str, tuple[int, ...]]
    vocabulary: Vocabulary
    tokens: TokenPattern
    body_parts: Mapping[str, frozenset[str]]
    areas: tuple[frozenset[str], ...]
    focus_priority: tuple[str, ...]
    focus_absorbs: tuple[tuple[str, ...], ...]
    focus_together: tuple[tuple[str, ...], ...]


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
    return _index(phrases, list(tables.values()))


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
            for phrase in _expand(written):
                yield phrase, None if language == "any" else language, Meaning(concept, plural)


def _expand(written: str) -> list[str]:
    """``radiograf{ia|ias}`` -> both forms."""
    pieces = [piece.split("|") for piece in re.split(r"[{}]", written)]
    return ["".join(combination) for combination in itertools.product(*pieces)]


_KEYS = {
    "name", "regions", "modality", "suggests", "focus", "side", "side_default", "stated", "implies", "implies_only",
    "role", "bare", "sided", "weak", "vague", "vessel", "venogram", "view", "not_an_acquisition", "tags", "flags",
    "when", "noise", "addition", "generic", "only_here",
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


_BOOLEANS = (
    "bare",
    "sided",
    "weak",
    "vague",
    "vessel",
    "venogram",
    "view",
    "not_an_acquisition",
    "addition",
    "generic",
    "only_here",
)


def _one(kind: type[_Value], written: str | None) -> _Value | None:
    return None if written is None else kind(written)


def _when(raw: Mapping[str, Any] | None) -> When | None:
    if raw is None:
        return None
    unknown = set(raw) - {"modality", "language", "context", "position"}
    if unknown:
        raise ValueError(f"when: not known: {', '.join(sorted(unknown))}")
    return When(
        modalities=frozenset(Modality(item) for item in raw.get("modality", ())),
        languages=frozenset(raw.get("language", ())),
        context=frozenset(raw.get("context", ())),
        position=raw.get("position", ""),
    )


def _merged(tables: Iterable[Mapping[str, Any]], section: str) -> dict[str, Any]:
    """One section of all files; a later file adds to or replaces the entries of an earlier one."""
    merged: dict[str, Any] = {}
    for table in tables:
        merged |= table.get(section, {})
    return merged


def _index(
    phrases: Mapping[str, tuple[list[Meaning], set[str]]],
    tables: Sequence[Mapping[str, Any]],
) -> Lexicon:
    tokens = TokenPattern.of(word for phrase in phrases for word in phrase.split())
    entries: dict[tuple[str, ...], Entry] = {}
    for phrase, (meanings, languages) in phrases.items():
        words = tuple(split_words(fold(phrase), tokens))
        if not words:
            raise InvalidLexicon(f"concept '{meanings[0].concept.name}': a word without letters")
        known = entries.get(words)
        merged = [*(known.meanings if known else ()), *meanings]
        merged.sort(key=_specific_first)
        entries[words] = Entry(words, tuple(merged), frozenset(languages) | (known.languages if known else frozenset()))
    lengths: dict[str, set[int]] = {}
    for words in entries:
        lengths.setdefault(words[0], set()).add(len(words))
    focus = _merged(tables, "focus")
    single = {words[0]: entry for words, entry in entries.items() if len(words) == 1}
    return Lexicon(
        entries=entries,
        lengths={first: tuple(sorted(some, reverse=True)) for first, some in lengths.items()},
        vocabulary=Vocabulary(
            known=frozenset(itertools.chain.from_iterable(entries)),
            parts=frozenset(w for w in single if len(w) >= _SHORTEST_COMPOUND_PART and w.isalpha()),
            heads=frozenset(w for w, entry in single.items() if _is_glued_head(w, entry)),
            targets={w: _gist(entry) for w, entry in single.items() if _is_typo_target(w, entry)},
        ),
        tokens=tokens,
        body_parts={name: frozenset(some) for name, some in _merged(tables, "body_parts").items()},
        areas=tuple(frozenset(some) for some in _merged(tables, "areas").values()),
        focus_priority=tuple(focus.get("priority", ())),
        focus_absorbs=tuple(map(tuple, focus.get("absorbs", ()))),
        focus_together=tuple(map(tuple, focus.get("together", ()))),
    )


def _specific_first(meaning: Meaning) -> tuple[bool, bool, bool, bool]:
    """Conditional meanings first, then those that say more."""
    concept = meaning.concept
    return (concept.when is None, concept.says_nothing, not concept.sided, concept.focus is None)


def _is_glued_head(word: str, entry: Entry) -> bool:
    """A short modality word that may be written together with a region (``CTHEAD``)."""
    return 1 < len(word) < _SHORTEST_COMPOUND_PART and any(meaning.concept.modality for meaning in entry.meanings)


def _is_typo_target(word: str, entry: Entry) -> bool:
    return (
        len(word) >= _SHORTEST_TYPO
        and word.isalpha()
        and any(meaning.concept.is_typo_target for meaning in entry.meanings)
    )


def _gist(entry: Entry) -> object:
    """What a word means apart from its spelling: two words with the same gist are the same answer."""
    concept = entry.meanings[-1].concept
    return (concept.regions, concept.role, concept.stated, concept.focus)
