"""One DICOM file as what the index keeps of it. Only the attributes that are needed are read, never pixels.

Source: DICOM PS3.10 7.1 (preamble and prefix).
"""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag

from adapters.dicom import attributes as tags
from adapters.dicom.attributes import KEYWORDS, Attributes
from adapters.dicom.dataset import read_dataset
from adapters.dicom.folder.files import UNREADABLE
from federation.imaging.archive_values import clean_text

NOT_DICOM = "not_dicom"
DAMAGED = "damaged"
MISSING_STUDY_UID = "missing_study_uid"

SERIES_INSTANCE_UID = 0x0020000E
SOP_INSTANCE_UID = 0x00080018
_WANTED = [*(int(tag, 16) for tag in KEYWORDS.values()), SERIES_INSTANCE_UID, SOP_INSTANCE_UID]
_PREFIX_END = 132
_OF_ONE_SERIES = (tags.MODALITY, tags.MODALITIES_IN_STUDY, tags.BODY_PART_EXAMINED, tags.STUDY_RELATED_SERIES)
_OF_ONE_FILE = (*_OF_ONE_SERIES, tags.STUDY_RELATED_INSTANCES, tags.INSTANCE_AVAILABILITY)
READ_ERRORS = (
    InvalidDicomError, EOFError, OSError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    NotImplementedError, RecursionError, struct.error, zlib.error,
)  # fmt: skip
"""What pydicom raises on files that are not what they should be."""


@dataclass(frozen=True, slots=True, repr=False)
class FileFacts:
    """What the index keeps of one file. ``study`` holds what is the same in all files of a study.

    ``patient_id`` is ``None`` when the file names nobody.
    """

    study: Attributes
    study_uid: str
    patient_id: str | None
    series_uid: str
    instance_uid: str
    modality: str | None
    body_part: str | None


def read_file(stream: BinaryIO, *, fallback_charset: str) -> FileFacts | str:
    """The facts of an open file, or why there are none: ``not_dicom``, ``damaged``, ``missing_study_uid``."""
    try:
        head = stream.read(_PREFIX_END)
        has_prefix = head[128:] == b"DICM"
        if not has_prefix and not _looks_like_bare_dataset(head):
            return NOT_DICOM
        stream.seek(0)
        dataset = quietly_read(stream, specific_tags=_WANTED, force=not has_prefix)
        return facts_of(dataset, fallback_charset=fallback_charset)
    except OSError:
        return UNREADABLE
    except READ_ERRORS:
        return DAMAGED


def quietly_read(stream: BinaryIO, *, specific_tags: list[int] | None = None, force: bool = False) -> Dataset:
    """A dataset without pixels; the library's warnings hold values and are not let out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(stream, stop_before_pixels=True, force=force, specific_tags=specific_tags)


def facts_of(dataset: Dataset, *, fallback_charset: str) -> FileFacts | str:
    """What the index keeps of a dataset."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        row = read_dataset(dataset, fallback_charset=fallback_charset)
        series_uid, instance_uid = (_uid(dataset, tag) for tag in (SERIES_INSTANCE_UID, SOP_INSTANCE_UID))
    study_uid = row.text(tags.STUDY_INSTANCE_UID)
    if study_uid is None:
        return MISSING_STUDY_UID
    same_everywhere = {tag: texts for tag, texts in row.texts.items() if tag not in _OF_ONE_FILE}
    return FileFacts(
        study=replace(row, texts=same_everywhere),
        study_uid=study_uid,
        patient_id=row.text(tags.PATIENT_ID),
        series_uid=series_uid,
        instance_uid=instance_uid,
        modality=row.text(tags.MODALITY),
        body_part=row.text(tags.BODY_PART_EXAMINED),
    )


def _uid(dataset: Dataset, tag: int) -> str:
    element: Any = dataset.get_item(Tag(tag))
    value: Any = None if element is None else element.value
    return clean_text(value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or ""))


def _looks_like_bare_dataset(head: bytes) -> bool:
    """Old files begin with the dataset itself: group 0002 or 0008, little endian."""
    return len(head) >= 8 and head[:2] in (b"\x02\x00", b"\x08\x00") and head[3] == 0
