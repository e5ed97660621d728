"""Reasons of rules and of relevance in the language of a page.

The API gives reasons as plain English, in the words of the rule-set. A site's own rule-set may say what it likes: what
the catalogue does not know stays as it was written.
"""

from __future__ import annotations

import re

from gateway.web.catalogue import Catalogue

PATTERNS = (
    "equivalent exam within the %(name)s window of %(days)s days",
    "older than the %(name)s windows",
    "a pending exam counts only within %(days)s days of the order",
    "an equivalent exam is pending within %(days)s days of the order",
    "not answered in full: %(points)s",
)
"""Reasons with values in them; a list of points is translated point by point."""

_WITHIN = "%(reason)s (within %(days)s days)"
_POINTS = ", "


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(pattern)))


_WITHIN_FORM = _compiled(_WITHIN)
_FORMS = tuple((pattern, _compiled(pattern)) for pattern in PATTERNS)


def in_language(reason: str, catalogue: Catalogue) -> str:
    """The reason in the catalogue's language; as it is when the catalogue does not know it."""
    within = _WITHIN_FORM.fullmatch(reason)
    if within is not None:
        values = {"reason": in_language(within["reason"], catalogue), "days": within["days"]}
        return catalogue.gettext(_WITHIN) % values
    for pattern, form in _FORMS:
        found = form.fullmatch(reason)
        if found is not None:
            return catalogue.gettext(pattern) % {
                name: _value(text, catalogue) for name, text in found.groupdict().items()
            }
    return catalogue.gettext(reason)


def _value(text: str, catalogue: Catalogue) -> str:
    return _POINTS.join(catalogue.gettext(part) for part in text.split(_POINTS))
