"""What a DICOMDIR says lies beside it. Its paths are compared with files that were found; none is ever opened.

Source: DICOM PS3.3 F.3 (directory records), PS3.10 8.2 (file ids of up to eight components).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from adapters.dicom.folder.dicom_file import READ_ERRORS, FileFacts, facts_of, quietly_read
from adapters.dicom.folder.files import OUTSIDE_ROOT

MISSING_FILE = "referenced_file_missing"
DAMAGED_DICOMDIR = "damaged_dicomdir"
_LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")
_MOST_RECORDS = 1_000_000


@dataclass(frozen=True, slots=True, repr=False)
class ListedFile:
    """A file of a DICOMDIR that is not there, as far as the directory tells of it."""

    facts: FileFacts
    problem: str


def is_dicomdir(path: str) -> bool:
    return path.rpartition("/")[2].casefold().removesuffix(".") == "dicomdir"


def files_not_there(
    stream: BinaryIO, dicomdir_path: str, found: Iterable[str], *, fallback_charset: str
) -> tuple[tuple[ListedFile, ...], str | None]:
    """The files that a DICOMDIR lists and that are not among those found, and a problem of the DICOMDIR itself."""
    by_name = {path.casefold(): path for path in found}
    folder = dicomdir_path.rpartition("/")[0]
    missing: list[ListedFile] = []
    try:
        dataset = quietly_read(stream)
        for records in _leaves(dataset):
            problem = _problem_of(records[-1], folder, by_name)
            if problem is not None:
                facts = facts_of(_merged(records), fallback_charset=fallback_charset)
                missing += [] if isinstance(facts, str) else [ListedFile(facts, problem)]
    except READ_ERRORS:
        return tuple(missing), DAMAGED_DICOMDIR
    return tuple(missing), None


def _problem_of(image: Dataset, folder: str, by_name: Mapping[str, str]) -> str | None:
    """Case and a missing extension are forgiven; a path out of the folder is not."""
    value: Any = image.get("ReferencedFileID")
    listed = [str(part) for part in value] if isinstance(value, MultiValue | list) else str(value or "").split("\\")
    parts = [part.strip() for part in listed]
    if not all(parts) or any(part in {".", ".."} or "/" in part or ":" in part or "\0" in part for part in parts):
        return OUTSIDE_ROOT
    path = "/".join([*([folder] if folder else []), *parts]).casefold()
    return None if path in by_name or f"{path}.dcm" in by_name else MISSING_FILE


def _leaves(dataset: Dataset) -> Iterator[tuple[Dataset, ...]]:
    """Every image record with those above it, by the offsets that link them; a broken link is a damaged file."""
    records: dict[int, Any] = {
        int(record.seq_item_tell): record for record in dataset.get("DirectoryRecordSequence") or ()
    }
    first = int(dataset.get("OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity") or 0)
    pending: list[tuple[int, tuple[Dataset, ...]]] = [(first, ())]
    visited: set[int] = set()
    while pending:
        offset, above = pending.pop()
        if offset == 0:
            continue
        if offset in visited or len(visited) > _MOST_RECORDS:
            raise ValueError("records that link in a ring")
        visited.add(offset)
        record = records[offset]
        pending.append((int(record.get("OffsetOfTheNextDirectoryRecord") or 0), above))
        kind = str(record.get("DirectoryRecordType") or "")
        path = (*above, record)
        if "ReferencedFileID" in record and _kinds(above) == list(_LEVELS[:3]):
            yield path
        elif kind in _LEVELS:
            pending.append((int(record.get("OffsetOfReferencedLowerLevelDirectoryEntity") or 0), path))


def _kinds(records: Iterable[Dataset]) -> list[str]:
    return [str(record.get("DirectoryRecordType") or "") for record in records]


def _merged(records: Iterable[Dataset]) -> Dataset:
    """What the records of patient, study, series and file say together, the lower one last."""
    merged = Dataset()
    for record in records:
        for tag in record.keys():  # noqa: SIM118 - iterating a dataset would convert its elements
            element = record.get_item(tag)
            if element is not None:
                merged[tag] = element
    image = records if isinstance(records, tuple) else tuple(records)
    instance_uid = image[-1].get("ReferencedSOPInstanceUIDInFile")
    if instance_uid:
        merged.SOPInstanceUID = str(instance_uid)
    return merged
