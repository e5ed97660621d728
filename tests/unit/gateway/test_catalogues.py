"""Every message that a page can show is in every catalogue, and a catalogue holds nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment
from jinja2.ext import extract_from_ast

import gateway.web
from gateway.web.catalogue import LANGUAGES, SOURCE_LANGUAGE, load_catalogue
from gateway.web.timeline import OTHER
from gateway.web.visit import NAVIGATION
from gateway.web.wording import WORDS

TEMPLATES = Path(gateway.web.__file__).with_name("templates")
IN_CODE = {"just now", OTHER}
PLURALS_IN_CODE = {f"%(num)s {unit}" for unit in ("year", "day", "hour", "minute")}
OTHERS = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]


def in_templates() -> Iterator[tuple[str, str | tuple[str | None, ...]]]:
    environment = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], trim_blocks=True, lstrip_blocks=True)
    for path in sorted(TEMPLATES.iterdir()):
        for _, function, message in extract_from_ast(environment.parse(path.read_text(encoding="utf-8"))):
            yield function, message


def messages() -> set[str]:
    plain = {message for _, message in in_templates() if isinstance(message, str)}
    words = {text for group in WORDS.values() for text in group.values() if text}
    return plain | words | {name for _, _, name in NAVIGATION} | IN_CODE


def plurals() -> set[str]:
    found = {str(message[0]) for _, message in in_templates() if isinstance(message, tuple)}
    return found | PLURALS_IN_CODE


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated(language: str) -> None:
    catalogue = load_catalogue(language)
    assert sorted(messages() - set(catalogue.messages)) == []
    assert sorted(plurals() - set(catalogue.plurals)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_translated_that_no_page_says(language: str) -> None:
    catalogue = load_catalogue(language)
    assert sorted(set(catalogue.messages) - messages()) == []
    assert sorted(set(catalogue.plurals) - plurals()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_names_what_the_message_names(language: str) -> None:
    catalogue = load_catalogue(language)
    for message, translation in catalogue.messages.items():
        assert message.count("%(") == translation.count("%("), message
