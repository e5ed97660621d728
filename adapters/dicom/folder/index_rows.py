"""Files of the index as study-level rows: what an archive would answer for them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.dicom import attributes as tags
from adapters.dicom.attributes import Attributes


@dataclass(frozen=True, slots=True, repr=False)
class IndexedFile:
    """One file as the index gives it back.

    ``study`` is encoded; ``is_there`` is false for a file that a DICOMDIR lists and that is not there.
    """

    study_uid: str
    series_uid: str
    instance_uid: str
    modality: str | None
    body_part: str | None
    study: str
    is_there: bool


def encode(row: Attributes) -> str:
    """Attributes as text; the same attributes give the same text."""
    return json.dumps(_document(row), sort_keys=True, ensure_ascii=False)


def decode(text: str) -> Attributes:
    """Attributes from ``encode``."""
    return _attributes(json.loads(text))


def study_rows(files: Iterable[IndexedFile]) -> tuple[Attributes, ...]:
    """One row for each way in which the files of a study describe it; counts and modalities are the whole study's.

    Files of one study under ids of different issuers are different people's until somebody says otherwise.
    """
    files_of: dict[tuple[str, str], dict[str, list[IndexedFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        files_of[file.study_uid, _issuer(decode(file.study))][file.study].append(file)
    return tuple(row for variants in files_of.values() for row in _rows_of_study(variants))


def _rows_of_study(variants: Mapping[str, Sequence[IndexedFile]]) -> Iterable[Attributes]:
    files = [file for held in variants.values() for file in held]
    of_study = {
        tags.MODALITIES_IN_STUDY: tuple(sorted({file.modality for file in files if file.modality})),
        tags.BODY_PART_EXAMINED: tuple(sorted({file.body_part for file in files if file.body_part})),
        tags.STUDY_RELATED_SERIES: (str(len({file.series_uid for file in files})),),
        tags.STUDY_RELATED_INSTANCES: (str(len({file.instance_uid for file in files})),),
        tags.INSTANCE_AVAILABILITY: ("ONLINE" if any(file.is_there for file in files) else "OFFLINE",),
    }
    for text in sorted(variants):
        row = decode(text)
        texts = {**row.texts, **{tag: found for tag, found in of_study.items() if found}}
        yield Attributes(texts, row.items, row.charset_assumed)


def _issuer(row: Attributes) -> str:
    issuers = Attributes(
        {tags.ISSUER_OF_PATIENT_ID: row.all_texts(tags.ISSUER_OF_PATIENT_ID)},
        {tags.ISSUER_QUALIFIERS_SEQUENCE: row.sequence(tags.ISSUER_QUALIFIERS_SEQUENCE)},
    )
    return encode(issuers)


def _document(row: Attributes) -> dict[str, Any]:
    return {
        "texts": {tag: list(texts) for tag, texts in row.texts.items()},
        "items": {tag: [_document(item) for item in items] for tag, items in row.items.items()},
        "charset_assumed": row.charset_assumed,
    }


def _attributes(document: Mapping[str, Any]) -> Attributes:
    return Attributes(
        {tag: tuple(texts) for tag, texts in document["texts"].items()},
        {tag: tuple(_attributes(item) for item in items) for tag, items in document["items"].items()},
        document["charset_assumed"],
    )
