"""What the demo hospitals send about their patients: HL7 v2.5.1 registrations and merges, as text.

Source: HL7 v2.5.1 chapters 2.7 (escapes), 3.3.4 (A04), 3.3.28 (A28), 3.3.40 (A40).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from adapters.simulated.hospital import SimulatedHospital, SimulatedPatient
from adapters.simulated.story import NATIONAL_AUTHORITY
from mpi.identity.demographics import Demographics, PersonName
from mpi.identity.identifiers import PatientIdentifier

RECEIVING_APPLICATION, RECEIVING_FACILITY = "PRIORLINK", "HUB"
_STRUCTURES = {"A04": "ADT_A01", "A28": "ADT_A05", "A40": "ADT_A39"}
_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "}
_EVERY_NTH_IS_A_VISIT = 3


def adt_messages(hospital: SimulatedHospital, now: dt.datetime) -> Iterator[str]:
    """One registration a patient (A28, every third A04), a second apart and ending at ``now``; segments end with CR."""
    first = now - dt.timedelta(seconds=len(hospital.patients))
    for number, patient in enumerate(hospital.patients, start=1):
        event = "A04" if number % _EVERY_NTH_IS_A_VISIT == 0 else "A28"
        at = first + dt.timedelta(seconds=number)
        yield _message(hospital, event, f"{hospital.site_id}{at:%Y%m%d}{number:06d}", at, _pid(hospital, patient))


def merge_message(
    hospital: SimulatedHospital, surviving: PatientIdentifier, subsumed: PatientIdentifier, now: dt.datetime
) -> str:
    """An A40: ``subsumed`` (MRG-1) goes into ``surviving`` (PID-3).

    Raises:
        KeyError: the hospital has no patient with the surviving identifier.
    """
    patients = {patient.local_patient_id: patient for patient in hospital.patients}
    pid = _pid(hospital, patients[surviving.local_patient_id])
    merge = f"MRG|{_escape(subsumed.local_patient_id)}^^^{_escape(subsumed.assigning_authority)}^MR"
    return _message(hospital, "A40", f"{hospital.site_id}{now:%Y%m%d%H%M%S}M", now, pid, merge)


def _message(hospital: SimulatedHospital, event: str, control_id: str, at: dt.datetime, *segments: str) -> str:
    local = f"{at.astimezone(ZoneInfo(hospital.time_zone)):%Y%m%d%H%M%S%z}"
    header = (
        f"MSH|^~\\&|ADT|{hospital.site_id}|{RECEIVING_APPLICATION}|{RECEIVING_FACILITY}|{local}||"
        f"ADT^{event}^{_STRUCTURES[event]}|{control_id}|P|2.5.1||||||UNICODE UTF-8"
    )
    visit = ("PV1|1|O",) if event == "A04" else ("PV1|1|N",) if event == "A28" else ()
    return "\r".join((header, f"EVN|{event}|{local}", *segments, *visit)) + "\r"


def _pid(hospital: SimulatedHospital, patient: SimulatedPatient) -> str:
    person = patient.demographics
    identifiers = f"{_escape(patient.local_patient_id)}^^^{_escape(hospital.authority)}^MR"
    if person.national_id:
        identifiers += f"~{_escape(person.national_id)}^^^{NATIONAL_AUTHORITY}^NI"
    fields = {
        1: "1",
        3: identifiers,
        5: "~".join(_name(name) for name in (person.name, *person.aliases)),
        7: person.birth_date.isoformat().replace("-", "") if person.birth_date else "",
        8: person.sex.value if person.sex else "",
        11: _address(person),
        13: "~".join(f"{_escape(phone)}^PRN^PH" for phone in person.phones),
    }
    return "PID|" + "|".join(fields.get(number, "") for number in range(1, 14))


def _name(name: PersonName) -> str:
    parts = (name.family, name.given, name.middle, name.suffix, name.prefix, "", name.use or "L")
    return "^".join(_escape(part) for part in parts)


def _address(person: Demographics) -> str:
    address = person.address
    if address.is_empty:
        return ""
    return f"{_escape(address.street)}^^{_escape(address.city)}^^{_escape(address.postal_code)}"


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
