"""The same few invented studies behind every kind of archive that a ``PriorSource`` can ask."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from adapters.simulated.hospital import Protocol, SimulatedHospital, SimulatedPatient, SimulatedStudy
from federation.ports import PriorSource
from federation.sites.site import SiteId
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName
from mpi.identity.identifiers import PatientIdentifier

AUTHORITY = "NGH"
ANA = PatientIdentifier(AUTHORITY, "00412")
ANA_STUDIES = {"2.999.71.1", "2.999.71.2", "2.999.71.3"}
LONGER_ID = PatientIdentifier(AUTHORITY, "004123")
UNKNOWN = PatientIdentifier(AUTHORITY, "99999")


def _study(uid: str, patient: str, started: str, modality: str, description: str, accession: str) -> SimulatedStudy:
    started_at = dt.datetime.fromisoformat(started)
    return SimulatedStudy(uid, patient, started_at, (modality,), description, "CHEST", accession, 1, 1)


HOSPITAL = SimulatedHospital(
    SiteId("NGH"),
    "Northgate General Hospital",
    Protocol.DICOMWEB,
    AUTHORITY,
    "UTC",
    patients=(
        SimulatedPatient(
            "00412",
            Demographics(
                name=PersonName("Lärk", "Ana", "B"), birth_date=PartialDate(1984, 3, 12), sex=AdministrativeSex.FEMALE
            ),
        ),
        SimulatedPatient("004123", Demographics(name=PersonName("Stone", "Otto"), sex=AdministrativeSex.MALE)),
    ),
    studies=(
        _study("2.999.71.1", "00412", "2024-03-10T09:30Z", "CT", "CT CHEST", "A1"),
        _study("2.999.71.2", "00412", "2023-01-02T08:00Z", "MR", "MRT Schädel", "A2"),
        _study("2.999.71.3", "00412", "2022-05-06T07:00Z", "US", "US ABDOMEN", "A3"),
        _study("2.999.71.4", "004123", "2024-02-01T09:00Z", "CT", "CT HEAD", "A4"),
    ),
)


@dataclass(frozen=True, slots=True)
class Archive:
    """A running archive, a source that asks it, and what the contract needs to know about it.

    ``nowhere_reason`` is what the source to nowhere says; ``connection_count`` is ``None`` where the archive cannot
    tell. ``tells_description`` is false for one that gives only the keys it must.
    """

    make_source: Callable[[], PriorSource]
    make_source_to_nowhere: Callable[[], PriorSource]
    nowhere_reason: str = "connection_refused"
    connection_count: Callable[[], int] | None = None
    tells_description: bool = True


def instances() -> list[Dataset]:
    """One header-only instance a study, to load into a real archive."""
    patients = {patient.local_patient_id: patient.demographics for patient in HOSPITAL.patients}
    return [instance(study, patients[study.local_patient_id]) for study in HOSPITAL.studies]


def instance(study: SimulatedStudy, person: Demographics) -> Dataset:
    """A header-only instance of a study."""
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = f"{study.study_instance_uid}.1.1"
    file.SpecificCharacterSet = "ISO_IR 192"
    file.SOPClassUID = SecondaryCaptureImageStorage
    file.SOPInstanceUID = f"{study.study_instance_uid}.1.1"
    file.StudyInstanceUID = study.study_instance_uid
    file.SeriesInstanceUID = f"{study.study_instance_uid}.1"
    file.StudyDate = f"{study.started_at:%Y%m%d}"
    file.StudyTime = f"{study.started_at:%H%M%S}"
    file.AccessionNumber = study.accession_number
    file.Modality = study.modalities[0]
    file.StudyDescription = study.description
    file.BodyPartExamined = study.body_part
    file.PatientName = f"{person.name.family}^{person.name.given}^{person.name.middle}"
    file.PatientID = study.local_patient_id
    file.IssuerOfPatientID = AUTHORITY
    file.PatientBirthDate = person.birth_date.isoformat().replace("-", "") if person.birth_date else ""
    file.PatientSex = person.sex.value if person.sex else ""
    file.SeriesNumber = 1
    file.InstanceNumber = 1
    return file
