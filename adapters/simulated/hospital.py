"""A demo hospital: its patients, its studies, how its archive is asked. Every person is invented."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import Any

from federation.sites.site import Site, SiteId
from mpi.identity.demographics import Demographics, PersonName


class Protocol(Enum):
    """How a demo hospital's archive is asked."""

    DIMSE = "dimse"
    DICOMWEB = "dicomweb"


@dataclass(frozen=True, slots=True, repr=False)
class SimulatedPatient:
    """One registration at one hospital."""

    local_patient_id: str
    demographics: Demographics


@dataclass(frozen=True, slots=True, repr=False)
class SimulatedStudy:
    """One study in one archive. ``started_at`` carries the hospital's own offset."""

    study_instance_uid: str
    local_patient_id: str
    started_at: dt.datetime
    modalities: tuple[str, ...]
    description: str
    body_part: str
    accession_number: str
    series_count: int
    instance_count: int


@dataclass(frozen=True, slots=True, repr=False)
class SimulatedHospital:
    """A hospital of the demo. ``authority`` issues its patient ids."""

    site_id: SiteId
    name: str
    protocol: Protocol
    authority: str
    time_zone: str
    patients: tuple[SimulatedPatient, ...] = ()
    studies: tuple[SimulatedStudy, ...] = ()

    @property
    def site(self) -> Site:
        """The hospital as the federation registers it; its archives take report objects only when signed."""
        return Site(self.site_id, self.name, self.authority, self.time_zone, sr_means_final_report=True)

    def __repr__(self) -> str:
        return f"SimulatedHospital({self.site_id})"


def dicom_name(name: PersonName) -> str:
    """A name as DICOM writes it. Source: PS3.5 6.2.1."""
    return "^".join((name.family, name.given, name.middle, name.prefix, name.suffix)).rstrip("^")


def study_rows(hospital: SimulatedHospital) -> tuple[dict[str, dict[str, Any]], ...]:
    """Every study of a hospital as a DICOM JSON object, newest first. Source: PS3.18 annex F."""
    patients = {patient.local_patient_id: patient for patient in hospital.patients}
    newest_first = sorted(hospital.studies, key=lambda study: study.started_at, reverse=True)
    return tuple(_row(study, patients[study.local_patient_id], hospital.authority) for study in newest_first)


def _row(study: SimulatedStudy, patient: SimulatedPatient, authority: str) -> dict[str, dict[str, Any]]:
    person = patient.demographics
    born = person.birth_date.isoformat().replace("-", "") if person.birth_date and person.birth_date.is_complete else ""
    row = {
        "00080020": ("DA", f"{study.started_at:%Y%m%d}"),
        "00080030": ("TM", f"{study.started_at:%H%M%S}"),
        "00080050": ("SH", study.accession_number),
        "00080056": ("CS", "ONLINE"),
        "00080061": ("CS", list(study.modalities)),
        "00080201": ("SH", f"{study.started_at:%z}"),
        "00081030": ("LO", study.description),
        "00100010": ("PN", {"Alphabetic": dicom_name(person.name)}),
        "00100020": ("LO", patient.local_patient_id),
        "00100021": ("LO", authority),
        "00100030": ("DA", born),
        "00100040": ("CS", person.sex.value if person.sex else ""),
        "00180015": ("CS", study.body_part),
        "0020000D": ("UI", study.study_instance_uid),
        "00201206": ("IS", study.series_count),
        "00201208": ("IS", study.instance_count),
    }
    return {tag: _element(vr, value) for tag, (vr, value) in row.items()}


def _element(vr: str, value: object) -> dict[str, Any]:
    if value == "":
        return {"vr": vr}
    return {"vr": vr, "Value": value if isinstance(value, list) else [value]}
