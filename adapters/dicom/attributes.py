"""One view of a study-level answer, whatever it came as: cleaned text by tag, nested items by tag.

DICOM JSON (``dicom_json``) and datasets (``dataset``) are both turned into this, so that one mapping exists.
Source: DICOM PS3.6 (tags), PS3.5 6.2 (padding).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SPECIFIC_CHARACTER_SET = "00080005"
STUDY_DATE = "00080020"
STUDY_TIME = "00080030"
ACCESSION_NUMBER = "00080050"
INSTANCE_AVAILABILITY = "00080056"
MODALITY = "00080060"
MODALITIES_IN_STUDY = "00080061"
CODE_VALUE = "00080100"
CODING_SCHEME_DESIGNATOR = "00080102"
TIMEZONE_OFFSET_FROM_UTC = "00080201"
STUDY_DESCRIPTION = "00081030"
PROCEDURE_CODE_SEQUENCE = "00081032"
PATIENT_NAME = "00100010"
PATIENT_ID = "00100020"
ISSUER_OF_PATIENT_ID = "00100021"
ISSUER_QUALIFIERS_SEQUENCE = "00100024"
PATIENT_BIRTH_DATE = "00100030"
PATIENT_SEX = "00100040"
OTHER_PATIENT_IDS_SEQUENCE = "00101002"
BODY_PART_EXAMINED = "00180015"
STUDY_INSTANCE_UID = "0020000D"
STUDY_RELATED_SERIES = "00201206"
STUDY_RELATED_INSTANCES = "00201208"
UNIVERSAL_ENTITY_ID = "00400032"

KEYWORDS: Mapping[str, str] = {
    "SpecificCharacterSet": SPECIFIC_CHARACTER_SET,
    "StudyDate": STUDY_DATE,
    "StudyTime": STUDY_TIME,
    "AccessionNumber": ACCESSION_NUMBER,
    "InstanceAvailability": INSTANCE_AVAILABILITY,
    "Modality": MODALITY,
    "ModalitiesInStudy": MODALITIES_IN_STUDY,
    "CodeValue": CODE_VALUE,
    "CodingSchemeDesignator": CODING_SCHEME_DESIGNATOR,
    "TimezoneOffsetFromUTC": TIMEZONE_OFFSET_FROM_UTC,
    "StudyDescription": STUDY_DESCRIPTION,
    "ProcedureCodeSequence": PROCEDURE_CODE_SEQUENCE,
    "PatientName": PATIENT_NAME,
    "PatientID": PATIENT_ID,
    "IssuerOfPatientID": ISSUER_OF_PATIENT_ID,
    "IssuerOfPatientIDQualifiersSequence": ISSUER_QUALIFIERS_SEQUENCE,
    "PatientBirthDate": PATIENT_BIRTH_DATE,
    "PatientSex": PATIENT_SEX,
    "OtherPatientIDsSequence": OTHER_PATIENT_IDS_SEQUENCE,
    "BodyPartExamined": BODY_PART_EXAMINED,
    "StudyInstanceUID": STUDY_INSTANCE_UID,
    "NumberOfStudyRelatedSeries": STUDY_RELATED_SERIES,
    "NumberOfStudyRelatedInstances": STUDY_RELATED_INSTANCES,
    "UniversalEntityID": UNIVERSAL_ENTITY_ID,
}
"""Every attribute the mapping reads, keyword to tag."""

SEQUENCES = frozenset({PROCEDURE_CODE_SEQUENCE, ISSUER_QUALIFIERS_SEQUENCE, OTHER_PATIENT_IDS_SEQUENCE})


@dataclass(frozen=True, slots=True, repr=False)
class Attributes:
    """What an archive says of one study. Absent, empty, null and blank are all *not there*.

    A person name is one text with its groups parted by ``=``. ``charset_assumed``: text was read with a character
    set that the archive did not (usably) declare.
    """

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    items: Mapping[str, tuple[Attributes, ...]] = field(default_factory=dict)
    charset_assumed: bool = False

    def all_texts(self, tag: str) -> tuple[str, ...]:
        return self.texts.get(tag, ())

    def text(self, tag: str) -> str | None:
        """The first value, ``None`` when there is none."""
        values = self.texts.get(tag, ())
        return values[0] if values else None

    def sequence(self, tag: str) -> tuple[Attributes, ...]:
        return self.items.get(tag, ())

    def __repr__(self) -> str:
        return f"Attributes({len(self.texts) + len(self.items)})"
