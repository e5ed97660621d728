"""Every message of the pages is there in every language."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import pytest
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from gateway.web.catalogue import LANGUAGES, SOURCE_LANGUAGE, load_catalogue
from gateway.web.visit import NAVIGATION
from gateway.web.wording import WORDS

OTHERS = sorted(set(LANGUAGES) - {SOURCE_LANGUAGE})
FUNCTIONS = ("_", "gettext", "ngettext")


def in_templates() -> Iterator[tuple[str, str | None]]:
    """(message, its plural or ``None``)."""
    environment = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)
    environment.install_gettext_callables(str, str, newstyle=True)  # type: ignore[attr-defined]
    for template in files("gateway.web").joinpath("templates").iterdir():
        parsed = environment.parse(template.read_text(encoding="utf-8"))
        for _, function, said in extract_from_ast(parsed, gettext_functions=FUNCTIONS):
            texts = [text for text in (said if isinstance(said, tuple) else (said,)) if isinstance(text, str)]
            if texts:
                yield texts[0], texts[1] if function == "ngettext" else None


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_untranslated(language: str) -> None:
    catalogue = load_catalogue(language)
    found = list(in_templates())
    assert len(found) > 200
    said = {text for text, plural in found if plural is None} | {name for _, _, name in NAVIGATION}
    said |= {words for group in WORDS.values() for words in group.values() if words}
    assert said - set(catalogue.messages) == set()
    assert {text for text, plural in found if plural is not None} - set(catalogue.plurals) == set()


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_the_places_of_values(language: str) -> None:
    catalogue = load_catalogue(language)
    for message, translation in catalogue.messages.items():
        assert translation
        assert translation.count("%(") == message.count("%("), message
