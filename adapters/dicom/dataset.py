"""A pydicom dataset as attributes. Values are read from their raw bytes: pydicom warns with values and may raise."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from adapters.dicom.attributes import KEYWORDS, SEQUENCES, SPECIFIC_CHARACTER_SET, Attributes
from adapters.dicom.character_sets import decode_text
from federation.imaging.archive_values import clean_text

UNREADABLE = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, EOFError, OSError, NotImplementedError,
    RecursionError, struct.error,
)  # fmt: skip
"""What pydicom raises on values that are not what they should be."""


def read_dataset(dataset: Dataset, *, fallback_charset: str, inherited_charset: Sequence[str] = ()) -> Attributes:
    """The attributes of one dataset that the mapping reads. An element that cannot be read is *not there*."""
    declared = _declared_charset(dataset) or tuple(inherited_charset)
    texts: dict[str, tuple[str, ...]] = {}
    items: dict[str, tuple[Attributes, ...]] = {}
    assumed = False
    for tag in KEYWORDS.values():
        if tag in SEQUENCES:
            found = _read_sequence(dataset, tag, declared, fallback_charset)
            assumed = assumed or any(item.charset_assumed for item in found)
            if found:
                items[tag] = found
            continue
        text, text_assumed = _read_text(dataset, tag, declared, fallback_charset)
        assumed = assumed or text_assumed
        if text:
            texts[tag] = (text,)
    return Attributes(texts, items, assumed)


def _declared_charset(dataset: Dataset) -> tuple[str, ...]:
    text, _ = _read_text(dataset, SPECIFIC_CHARACTER_SET, (), "latin_1")
    return tuple(text.split("\\")) if text else ()


def _read_text(dataset: Dataset, tag: str, declared: Sequence[str], fallback_charset: str) -> tuple[str, bool]:
    element: Any = dataset.get_item(Tag(int(tag, 16)))
    value: Any = None if element is None else element.value
    if value is None:
        return "", False
    if isinstance(element, RawDataElement):
        text, assumed = decode_text(bytes(value), declared, fallback_charset)
        return clean_text(text), assumed
    if isinstance(value, MultiValue | list):
        return clean_text("\\".join(str(part) for part in value)), False
    return clean_text(str(value)), False


def _read_sequence(
    dataset: Dataset, tag: str, declared: Sequence[str], fallback_charset: str
) -> tuple[Attributes, ...]:
    key = Tag(int(tag, 16))
    if key not in dataset:
        return ()
    try:
        nested = list(dataset[key].value or ())
    except UNREADABLE:
        return ()
    return tuple(
        read_dataset(item, fallback_charset=fallback_charset, inherited_charset=declared)
        for item in nested
        if isinstance(item, Dataset)
    )
