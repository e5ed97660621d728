"""Reading: tokens become meanings, with the language, the modality and the neighbours deciding between several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from federation.imaging.normalizing.lexicon import Concept, Entry, Lexicon, Meaning
from federation.imaging.normalizing.words import Token, recut, tokenize
from federation.imaging.procedures import Modality

_ALL = 5


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase of the lexicon (or an unknown word: ``entry`` is ``None``) at a place of the text."""

    entry: Entry | None
    written: str
    breaks: bool
    after_caret: bool
    corrected: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What a place of the text says; ``concept`` is ``None`` for an unknown word."""

    concept: Concept | None
    written: str
    plural: bool = False
    breaks: bool = False
    after_caret: bool = False
    corrected: bool = False


def find(text: str, lexicon: Lexicon) -> tuple[Found, ...]:
    """Cut the text into known phrases, the longest first, and unknown words."""
    tokens = tokenize(text, lexicon.tokens, lexicon.vocabulary)
    found: list[Found] = []
    at = 0
    while at < len(tokens):
        entry = _longest_at(tokens, at, lexicon)
        if entry is None and tokens[at].word in lexicon.vocabulary.known:
            again = tuple(recut(tokens[at], lexicon.vocabulary))
            if again[0].word != tokens[at].word:
                tokens = (*tokens[:at], *again, *tokens[at + 1 :])
                continue
        length = len(entry.words) if entry else 1
        part = tokens[at : at + length]
        at += length
        found.append(
            Found(
                entry,
                " ".join(dict.fromkeys(token.written for token in part)),
                part[0].breaks,
                part[0].after_caret,
                any(token.corrected for token in part),
                at >= len(tokens),
            )
        )
    return tuple(found)


def _longest_at(tokens: Sequence[Token], at: int, lexicon: Lexicon) -> Entry | None:
    for length in lexicon.lengths.get(tokens[at].word, ()):
        entry = lexicon.entries.get(tuple([token.word for token in tokens[at : at + length]]))
        if entry:
            return entry
    return None


def languages_of(found: Sequence[Found]) -> frozenset[str]:
    """The likeliest languages of the text (several when they tie); English when nothing tells."""
    votes: dict[str, float] = {}
    for item in found:
        spoken = item.entry.languages if item.entry and len(item.written) > 1 else frozenset()
        for language in spoken if len(spoken) < _ALL else ():
            votes[language] = votes.get(language, 0.0) + 1.0 / len(spoken)
    if not votes:
        return frozenset({"en"})
    most = max(votes.values())
    return frozenset(language for language, count in votes.items() if count > most - 1e-6)


def understand(found: Sequence[Found], modality: Modality, languages: frozenset[str]) -> tuple[Said, ...]:
    """Choose one meaning for each phrase; the context of a phrase is what its neighbours say."""
    alone = [_choose(item, modality, languages, frozenset()) for item in found]
    tags = [meaning.concept.tags if meaning else frozenset() for meaning in alone]
    said = []
    for index, item in enumerate(found):
        context = frozenset[str]().union(*tags[:index], *tags[index + 1 :])
        meaning = _choose(item, modality, languages, context)
        said.append(
            Said(
                meaning.concept if meaning else None,
                item.written,
                bool(meaning and meaning.plural),
                item.breaks,
                item.after_caret,
                item.corrected,
            )
        )
    return tuple(said)


def _choose(item: Found, modality: Modality, languages: frozenset[str], context: frozenset[str]) -> Meaning | None:
    meanings = item.entry.meanings if item.entry else ()
    return next((one for one in meanings if _holds(one.concept, item, modality, languages, context)), None)


def _holds(
    concept: Concept, item: Found, modality: Modality, languages: frozenset[str], context: frozenset[str]
) -> bool:
    when = concept.when
    if when is None:
        return True
    return (
        (not when.modalities or modality in when.modalities)
        and (not when.languages or not when.languages.isdisjoint(languages))
        and (not when.context or not when.context.isdisjoint(context))
        and (when.position != "last" or item.is_last)
    )
