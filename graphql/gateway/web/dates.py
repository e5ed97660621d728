"""Days and moments that nobody can misread: the month in letters, never 03/04."""

from __future__ import annotations

import datetime as dt

from gateway.web.catalogue import Catalogue


def day(value: str | None, catalogue: Catalogue) -> str:
    """``1979-05-14`` as 14 May 1979; ``1979-05`` and ``1979`` as far as they go; empty for nothing."""
    if not value:
        return ""
    year, _, rest = value[:10].partition("-")
    month, _, number = rest.partition("-")
    if not month:
        return year
    name = catalogue.months[int(month) - 1]
    if not number:
        return f"{name} {year}"
    dot = "." if catalogue.language == "de" else ""
    return f"{int(number)}{dot} {name} {year}"


def moment(value: str | None, catalogue: Catalogue) -> str:
    """A day with its time, as written (the offset of the site or of the hub is kept)."""
    if not value:
        return ""
    at = dt.datetime.fromisoformat(value)
    offset = at.strftime("%z")
    zone = "" if not offset else " UTC" if offset == "+0000" else f" UTC{offset[:3]}:{offset[3:]}"
    return f"{day(value, catalogue)}, {at:%H:%M}{zone}"


def age_in_words(at: dt.datetime, now: dt.datetime, catalogue: Catalogue) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((now - at).total_seconds()))
    for length, one, many in (
        (365 * 86_400, "%(num)s year", "%(num)s years"),
        (86_400, "%(num)s day", "%(num)s days"),
        (3_600, "%(num)s hour", "%(num)s hours"),
        (60, "%(num)s minute", "%(num)s minutes"),
    ):
        if seconds >= length:
            number = seconds // length
            return catalogue.ngettext(one, many, number) % {"num": number}
    return catalogue.gettext("just now")
