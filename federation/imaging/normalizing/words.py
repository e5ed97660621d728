"""Text into words: folding, symbols that are words (``W/O``, ``C+``), compounds and typing errors."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA

_UMLAUTS = re.compile(r"(?<=[aou])e")
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


@dataclass(frozen=True, slots=True)
class TokenPattern:
    """How text is cut: first the symbols the lexicon knows, then words of letters and digits."""

    pattern: re.Pattern[str]

    @staticmethod
    def of(words: Iterable[str]) -> TokenPattern:
        """Words with ``/ + - & >`` in them become symbols of their own, unless they are two long words joined."""
        symbols = sorted({w for w in words if _is_symbol(w)}, key=lambda word: (-len(word), word))
        alternatives = "|".join(_symbol_pattern(symbol) for symbol in symbols)
        cut = rf"(?=[a-z0-9]{{0,3}}\s?[/+&-])(?:{alternatives})|[a-z0-9]+" if alternatives else r"[a-z0-9]+"
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
class Vocabulary:
    """The words a token may be: known ones, parts of compounds, heads glued to a region, targets of typing errors."""

    known: frozenset[str]
    parts: frozenset[str]
    heads: frozenset[str]
    targets: Mapping[str, object]


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


def tokenize(text: str, tokens: TokenPattern, vocabulary: Vocabulary) -> tuple[Token, ...]:
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
        for index, (piece, corrected) in enumerate(_pieces(word, vocabulary.known, vocabulary)):
            result.append(Token(piece, word, breaks and index == 0, after, corrected))
    return tuple(result)


def recut(token: Token, vocabulary: Vocabulary) -> Iterator[Token]:
    """A word the lexicon has only inside longer phrases, read by itself: as a compound or a typing error."""
    for index, (piece, corrected) in enumerate(_pieces(token.word, vocabulary.parts, vocabulary)):
        yield Token(piece, token.written, token.breaks and index == 0, token.after_caret, corrected)


def _pieces(word: str, known: frozenset[str], vocabulary: Vocabulary) -> Sequence[tuple[str, bool]]:
    if word in known or len(word) < 4:
        return [(word, False)]
    glued = _DIGITS_GLUED.match(word)
    if glued and glued.group(1) in known:
        return [(glued.group(1), False)]
    if not word.isalpha():
        return [(word, False)]
    plain = _UMLAUTS.sub("", word)
    if plain in known and len(plain) >= 4:
        return [(plain, False)]
    parts = vocabulary.parts
    compound = _compound(word, parts) or _compound(plain, parts) or _glued_modality(word, vocabulary)
    if compound:
        return [(piece, False) for piece in compound]
    corrected = nearest(word, vocabulary.targets)
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


def _glued_modality(word: str, vocabulary: Vocabulary) -> tuple[str, str] | None:
    """``cthead`` -> (ct, head)."""
    for cut in (3, 2):
        if word[:cut] in vocabulary.heads and word[cut:] in vocabulary.parts:
            return word[:cut], word[cut:]
    return None


def _part(head: str, parts: frozenset[str]) -> str | None:
    for link in _LINKS:
        stem = head.removesuffix(link) if link else head
        if stem in parts and (not link or head.endswith(link)):
            return stem
    return None


def nearest(word: str, targets: Mapping[str, object]) -> str | None:
    """The known word this may be a typing error of, or ``None``; ``targets`` gives for each word what it means.

    Candidates at the same distance that mean different things are none.
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
    return best[0] if best and len({targets[word] for word in best}) == 1 else None
