"""The words of a C-FIND at STUDY level: the identifier we send, and what a final status means.

Source: DICOM PS3.4 C.4.1, C.6.2.1.2; PS3.7 annex C (general status codes).
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from federation.errors import SourceError, SourceProtocolError, SourceUnauthorised, SourceUnavailable

PENDING = frozenset({0xFF00, 0xFF01})
SUCCESS = 0x0000
CANCELLED = 0xFE00
IDENTIFIER_MISMATCH = 0xA900

_REQUIRED_KEYS = ("StudyDate", "StudyTime", "AccessionNumber", "PatientName", "StudyInstanceUID")
_OPTIONAL_KEYS = (
    "ModalitiesInStudy",
    "StudyDescription",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
    "InstanceAvailability",
    "TimezoneOffsetFromUTC",
    "BodyPartExamined",
)
_OPTIONAL_SEQUENCES = ("ProcedureCodeSequence", "OtherPatientIDsSequence")


def study_query(local_patient_id: str, *, with_optional_keys: bool) -> Dataset:
    """The identifier of a C-FIND request. Optional keys are left out for archives that refuse keys they do not know."""
    query = Dataset()
    if not local_patient_id.isascii():
        query.SpecificCharacterSet = "ISO_IR 192"
    query.QueryRetrieveLevel = "STUDY"
    query.PatientID = local_patient_id
    for keyword in _REQUIRED_KEYS + (_OPTIONAL_KEYS if with_optional_keys else ()):
        setattr(query, keyword, "")
    for keyword in _OPTIONAL_SEQUENCES if with_optional_keys else ():
        setattr(query, keyword, [])
    return query


def is_warning(status: int) -> bool:
    """A final status that ends the list with a reservation: the rows count, the list may be cut."""
    return status in (0x0107, 0x0116) or 0xB000 <= status <= 0xBFFF


def error_of_status(status: int) -> SourceError | None:
    """The failure that a final status means, ``None`` for success, cancel and warning."""
    if status in (SUCCESS, CANCELLED) or is_warning(status):
        return None
    if 0xA700 <= status <= 0xA7FF:
        return SourceUnavailable("out_of_resources")
    if status == IDENTIFIER_MISMATCH:
        return SourceProtocolError("identifier_mismatch")
    if status == 0x0124:
        return SourceUnauthorised("not_authorised")
    if status == 0x0122:
        return SourceProtocolError("find_not_supported")
    if 0xC000 <= status <= 0xCFFF:
        return SourceUnavailable("unable_to_process")
    return SourceProtocolError(f"status_{status:04x}")


def error_of_rejection(result: int, source: int, reason: int) -> SourceError:
    """What an A-ASSOCIATE-RJ means. Source: PS3.8 table 9-21."""
    if source == 1 and reason == 3:
        return SourceUnauthorised("calling_ae_title_not_recognised")
    if source == 1 and reason == 7:
        return SourceUnauthorised("called_ae_title_not_recognised")
    if result == 2 or source == 3:
        return SourceUnavailable("association_limit")
    return SourceUnauthorised("association_rejected")
