"""Templates to HTML: one environment a language, everything escaped, addresses of static files with their content's
mark so that browsers may keep them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.web import wording
from gateway.web.catalogue import LANGUAGES, Catalogue, load_catalogue
from gateway.web.dates import age_in_words, day, moment
from gateway.web.reason_words import in_language

STATIC = Path(__file__).with_name("static")


class Templates:
    """Renders templates in any of the languages."""

    def __init__(self) -> None:
        marks = {p.name: hashlib.sha256(p.read_bytes()).hexdigest()[:10] for p in STATIC.iterdir() if p.is_file()}
        self._environments = {language: _environment(load_catalogue(language), marks) for language in LANGUAGES}

    def render(self, template: str, language: str, values: Mapping[str, Any]) -> str:
        """The template's HTML."""
        return self._environments[language].get_template(template).render(values)

    def gettext(self, language: str, message: str) -> str:
        """One message in a language."""
        text: str = self._environments[language].globals["gettext"](message)  # type: ignore[operator]
        return text


def _environment(catalogue: Catalogue, marks: Mapping[str, str]) -> Environment:
    environment = Environment(
        loader=PackageLoader("gateway.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        catalogue.gettext, catalogue.ngettext, newstyle=True
    )
    environment.globals["static"] = lambda name: f"/static/web/{name}?v={marks[name]}"
    environment.globals["languages"] = LANGUAGES
    environment.filters["day"] = partial(day, catalogue=catalogue)
    environment.filters["moment"] = partial(moment, catalogue=catalogue)
    environment.filters["age"] = lambda at, now: age_in_words(dt.datetime.fromisoformat(at), now, catalogue)
    environment.filters["bits"] = lambda weight: f"{weight:+.1f}".replace("-", "\u2212")
    environment.filters["words"] = lambda code, group: catalogue.gettext(wording.in_words(group, code))
    environment.filters["reason"] = partial(in_language, catalogue=catalogue)
    return environment
