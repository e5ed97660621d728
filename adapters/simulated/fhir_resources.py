"""Patients and studies of a demo hospital as FHIR resources. Source: FHIR R4 and R5 Patient and ImagingStudy."""

from __future__ import annotations

from typing import Any

from adapters.simulated.hospital import SimulatedPatient, SimulatedStudy
from mpi.identity.demographics import AdministrativeSex

DCM = "http://dicom.nema.org/resources/ontology/DCM"
_IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_GENDERS = {AdministrativeSex.FEMALE: "female", AdministrativeSex.MALE: "male", AdministrativeSex.OTHER: "other"}


def patient_resource(patient: SimulatedPatient, resource_id: str, identifier_system: str) -> dict[str, Any]:
    """One registration."""
    person = patient.demographics
    given = [part for part in (person.name.given, person.name.middle) if part]
    resource: dict[str, Any] = {
        "resourceType": "Patient",
        "id": resource_id,
        "identifier": [{"system": identifier_system, "value": patient.local_patient_id}],
        "name": [{"use": "official", "family": person.name.family, "given": given}],
    }
    if person.birth_date is not None:
        resource["birthDate"] = person.birth_date.isoformat()
    if person.sex is not None:
        resource["gender"] = _GENDERS[person.sex]
    return resource


def imaging_study(study: SimulatedStudy, resource_id: str, patient_id: str, *, is_r5: bool) -> dict[str, Any]:
    """One study; modality and the place of the accession number differ between R4 and R5."""
    accession = {
        "type": {"coding": [{"system": _IDENTIFIER_TYPES, "code": "ACSN"}]},
        "value": study.accession_number,
    }
    uid = {"system": "urn:dicom:uid", "value": f"urn:oid:{study.study_instance_uid}"}
    coded = [{"system": DCM, "code": code} for code in study.modalities]
    resource: dict[str, Any] = {
        "resourceType": "ImagingStudy",
        "id": resource_id,
        "status": "available",
        "subject": {"reference": f"Patient/{patient_id}"},
        "started": study.started_at.isoformat(),
        "description": study.description,
        "numberOfSeries": study.series_count,
        "numberOfInstances": study.instance_count,
    }
    if is_r5:
        modality = [{"coding": [coding]} for coding in coded]
        return {**resource, "identifier": [uid], "basedOn": [{"identifier": accession}], "modality": modality}
    return {**resource, "identifier": [uid, accession], "modality": coded}
