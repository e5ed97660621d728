"""Records that are one person by somebody's word, before any score is asked.

A word counts unless it would bring together two records that a stronger word keeps apart; then it is a question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple


class WordOf(IntEnum):
    """Whose word it is; a smaller one is heard first."""

    STAFF = 0
    MESSAGE = 1
    SENT_TOGETHER = 2


class Word(NamedTuple):
    """*These two are one person.* Sorted in the order in which words are heard; what is so already comes first."""

    word_of: WordOf
    is_news: bool
    a: str
    b: str


class Bound(NamedTuple):
    """Disjoint groups of two or more, and the words that were not followed."""

    groups: tuple[tuple[str, ...], ...]
    refused: tuple[Word, ...]


def bind(words: Iterable[Word], keeps_apart: Callable[[WordOf, str, str], bool]) -> Bound:
    """Follow the words; ``keeps_apart(word_of, x, y)``: such a word may not bring x and y into one group."""
    members: dict[str, list[str]] = {}
    refused: list[Word] = []
    for word in sorted(set(words)):
        first, second = members.setdefault(word.a, [word.a]), members.setdefault(word.b, [word.b])
        if first is second:
            continue
        if any(keeps_apart(word.word_of, x, y) for x in first for y in second):
            refused.append(word)
            continue
        first.extend(second)
        members.update(dict.fromkeys(second, first))
    groups = {id(group): tuple(sorted(group)) for group in members.values() if len(group) > 1}
    return Bound(tuple(sorted(groups.values())), tuple(refused))
