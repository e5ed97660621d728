"""Lenient reading of DICOM JSON: what archives send, not only what PS3.18 annex F allows.

pydicom's ``from_json`` raises on one bad element; here a bad element or row loses only itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.dicom.attributes import KEYWORDS, Attributes
from adapters.dicom.character_sets import decode_undeclared
from federation.errors import SourceProtocolError
from federation.imaging.archive_values import clean_text

_TAG = re.compile(r"[0-9A-F]{8}")
_TAG_BY_KEYWORD = {keyword.casefold(): tag for keyword, tag in KEYWORDS.items()}
_KNOWN_TAGS = frozenset(KEYWORDS.values())
_NAME_GROUPS = ("alphabetic", "ideographic", "phonetic")


@dataclass(frozen=True, slots=True, repr=False)
class JsonRows:
    """Rows of one answer. ``row_count`` counts every row the archive sent, also those that could not be read."""

    rows: tuple[Attributes, ...]
    row_count: int
    bad_row_count: int = 0


def read_rows(body: bytes, *, fallback_charset: str) -> JsonRows:
    """The study rows of a body, judged by its content alone (headers lie).

    Raises:
        SourceProtocolError: the body is not DICOM JSON.
    """
    if not body.strip(b"\0 \t\r\n"):
        return JsonRows((), 0)
    text, assumed = _decode(body, fallback_charset)
    try:
        document = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise SourceProtocolError("not_dicom_json") from error
    listed = document if isinstance(document, list) else [document]
    if not all(isinstance(row, dict) for row in listed) and not any(_is_row(row) for row in listed):
        raise SourceProtocolError("not_dicom_json")
    sent = [row for row in listed if row != {}]
    readable = [row for row in sent if _is_row(row)]
    if sent and not readable:
        raise SourceProtocolError("not_dicom_json")
    try:
        rows = tuple(read_object(row, charset_assumed=assumed) for row in readable)
    except RecursionError as error:
        raise SourceProtocolError("not_dicom_json") from error
    return JsonRows(rows, len(sent), len(sent) - len(readable))


def read_object(row: Mapping[str, Any], *, charset_assumed: bool = False) -> Attributes:
    """One DICOM JSON object; keys in any case, as tags or keywords; attributes nobody reads are left out."""
    texts: dict[str, tuple[str, ...]] = {}
    items: dict[str, tuple[Attributes, ...]] = {}
    for key, element in row.items():
        tag = _tag_of(key)
        if tag is None or tag not in _KNOWN_TAGS:
            continue
        found_texts, found_items = _read_values(_values_of(element))
        if found_texts and tag not in texts:
            texts[tag] = found_texts
        if found_items and tag not in items:
            items[tag] = found_items
    return Attributes(texts, items, charset_assumed)


def _decode(body: bytes, fallback_charset: str) -> tuple[str, bool]:
    encoding = json.detect_encoding(body)
    try:
        return body.decode(encoding), False
    except UnicodeDecodeError:
        return decode_undeclared(body, fallback_charset), True


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and any(_tag_of(key) is not None for key in row)


def _tag_of(key: object) -> str | None:
    text = str(key).strip().strip("()").replace(",", "")
    upper = text.upper()
    if _TAG.fullmatch(upper):
        return upper
    return _TAG_BY_KEYWORD.get(text.casefold())


def _values_of(element: object) -> Iterable[object]:
    if isinstance(element, dict) and not _is_name(element):
        folded = {str(key).casefold(): value for key, value in element.items()}
        element = folded.get("value")
    return element if isinstance(element, list) else [element]


def _read_values(values: Iterable[object]) -> tuple[tuple[str, ...], tuple[Attributes, ...]]:
    texts: list[str] = []
    items: list[Attributes] = []
    for value in values:
        if isinstance(value, dict):
            if _is_name(value):
                texts.append(_name_text(value))
            elif value:
                items.append(read_object(value))
        elif value is not None and not isinstance(value, list):
            texts.append(clean_text(str(value)))
    return tuple(text for text in texts if text), tuple(items)


def _is_name(value: Mapping[Any, Any]) -> bool:
    return bool(value) and all(str(key).casefold() in _NAME_GROUPS for key in value)


def _name_text(value: Mapping[Any, Any]) -> str:
    folded = {str(key).casefold(): part for key, part in value.items()}
    groups = [folded.get(group) for group in _NAME_GROUPS]
    return clean_text("=".join(part if isinstance(part, str) else "" for part in groups).rstrip("="))
