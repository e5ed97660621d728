"""Text into words: folding, symbols that are words (``W/O``, ``C+``), compounds and typing errors."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "’": "'", "`": "'"})
_CAMEL = re.compile(r"(?<=[a-zà-ÿ]{2})(?=[A-ZÀ-Ý])")
_INITIALS = re.compile(r"(?<![a-z0-9])(?:[a-z]\.){1,4}[a-z](?![a-z])\.?")
_ELISION = re.compile(r"(?<![a-z])([ldnsjc]|qu)'(?=[a-z])")
_BREAKS = frozenset("(),;:^|[]")
_DIGITS_GLUED = re.compile(r"^(?:\d+)?([a-z]{4,})(?:\d+)?$")


def fold(text: str) -> str:
    """Lower case without accents; ``Schädel`` -> ``schadel``, ``ColangioRM`` -> ``colangio rm``, ``d.v.`` -> ``dv``."""
    split = _CAMEL.sub(" ", unicodedata.normalize("NFC", text)).translate(_LIGATURES).casefold()
    bare = "".join(char for char in unicodedata.normalize("NFKD", split) if not unicodedata.combining(char))
    joined = _INITIALS.sub(lambda match: match.group().replace(".", "") + " ", bare)
    return _ELISION.sub(" ", joined).strip()


def spelling_variants(word: str) -> set[str]:
    """The word itself and, for umlauts, the spelling without them (``Hüfte``, ``Huefte``)."""
    return {word, word.translate(_UMLAUTS)}


@dataclass(frozen=True, slots=True)
class TokenPattern:
    """How text is cut: first the symbols the lexicon knows, then words of letters and digits."""

    pattern: re.Pattern[str]

    @staticmethod
    def of(words: Iterable[str]) -> TokenPattern:
        """Words with ``/ + - & >`` in them become symbols of their own, unless they are two long words joined."""
        symbols = sorted({w for w in words if _is_symbol(w)}, key=lambda word: (-len(word), word))
        alternatives = "|".join(_symbol_pattern(symbol) for symbol in symbols)
        cut = rf"{alternatives}|[a-z0-9]+" if alternatives else r"[a-z0-9]+"
        return TokenPattern(re.compile(cut))


def _is_symbol(word: str) -> bool:
    """``w/o`` is one symbol; ``tib/fib`` is two words."""
    folded = fold(word)
    return bool(re.search(r"[/+\-&]", folded)) and max(map(len, re.split(r"[/+\-&]", folded))) <= 2


def _symbol_pattern(symbol: str) -> str:
    spaced = re.escape(fold(symbol)).replace("/", r"\s?/\s?")
    before = r"(?<![a-z0-9])" if symbol[0].isalnum() else ""
    after = r"(?![a-z0-9])" if symbol[-1].isalnum() else (r"(?![a-z0-9])" if symbol[-1] in "+-" else "")
    return f"{before}{spaced}{after}"


@dataclass(frozen=True, slots=True)
class Token:
    """A word as read. ``written`` is the folded original, ``breaks`` says that a new part of the text starts here."""

    word: str
    written: str
    breaks: bool = False
    after_caret: bool = False
    corrected: bool = False


def split_words(folded: str, tokens: TokenPattern) -> Iterator[str]:
    """The words of a folded text, symbols without inner blanks."""
    return (re.sub(r"\s+", "", match.group()) for match in tokens.pattern.finditer(folded))


def tokenize(
    text: str,
    tokens: TokenPattern,
    known: frozenset[str],
    parts: frozenset[str],
    targets: Sequence[str],
) -> tuple[Token, ...]:
    """Cut a text into tokens; a word nobody knows is tried as a compound and then as a typing error."""
    folded = fold(text)
    caret = folded.find("^")
    result: list[Token] = []
    end = 0
    for match in tokens.pattern.finditer(folded):
        gap = folded[end : match.start()]
        end = match.end()
        word = re.sub(r"\s+", "", match.group())
        breaks = not _BREAKS.isdisjoint(gap)
        after = 0 <= caret < match.start()
        for index, (piece, corrected) in enumerate(_pieces(word, known, parts, targets)):
            result.append(Token(piece, word, breaks and index == 0, after, corrected))
    return tuple(result)


def _pieces(
    word: str, known: frozenset[str], parts: frozenset[str], targets: Sequence[str]
) -> Sequence[tuple[str, bool]]:
    if word in known or len(word) < 4:
        return [(word, False)]
    glued = _DIGITS_GLUED.match(word)
    if glued and glued.group(1) in known:
        return [(glued.group(1), False)]
    if not word.isalpha():
        return [(word, False)]
    compound = _compound(word, parts)
    if compound:
        return [(piece, False) for piece in compound]
    corrected = nearest(word, targets)
    return [(corrected, True)] if corrected else [(word, False)]


_LINKS = ("", "s", "n", "en", "es", "e", "o", "i")


def _compound(word: str, parts: frozenset[str]) -> tuple[str, ...] | None:
    """``thoraxsonographie`` -> (thorax, sonographie); every letter must belong to a known part or a link."""
    for cut in range(len(word) - 4, 3, -1):
        head, tail = word[:cut], word[cut:]
        first = _part(head, parts)
        if first is None:
            continue
        if tail in parts:
            return (first, tail)
        rest = _compound(tail, parts) if len(tail) >= 8 else None
        if rest:
            return (first, *rest)
    return None


def _part(head: str, parts: frozenset[str]) -> str | None:
    for link in _LINKS:
        stem = head.removesuffix(link) if link else head
        if stem in parts and (not link or head.endswith(link)):
            return stem
    return None


def nearest(word: str, targets: Sequence[str]) -> str | None:
    """The one known word this may be a typing error of, or ``None``; two candidates at the same distance are none.

    Swapped neighbours count less than a wrong letter, the first letter must stand, and four letters allow a swap only.
    """
    allowed = 2 if len(word) >= 8 else 1
    best: list[str] = []
    best_cost = 99
    for target in targets:
        if target[0] != word[0] or abs(len(target) - len(word)) > allowed:
            continue
        distance = OSA.distance(word, target, score_cutoff=allowed)
        if distance > allowed:
            continue
        swapped = sorted(word) == sorted(target)
        if min(len(word), len(target)) < 5 and not swapped:
            continue
        cost = 2 * distance - (1 if swapped else 0)
        if cost < best_cost:
            best, best_cost = [target], cost
        elif cost == best_cost:
            best.append(target)
    return best[0] if len(best) == 1 or _same_stem(best) else None


def _same_stem(words: Sequence[str]) -> bool:
    """``abdominal`` and ``abdominale`` are the same answer."""
    stem = min(words, key=len)[:-1]
    return bool(words) and len(stem) >= 5 and all(word.startswith(stem) for word in words)
