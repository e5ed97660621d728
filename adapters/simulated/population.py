"""Invented people spread over four demo hospitals, with the trouble that real registrations have.

Seeded: the same seed and the same day give the same population.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from adapters.simulated import exams, names
from adapters.simulated.hospital import Protocol, SimulatedHospital, SimulatedPatient, SimulatedStudy
from adapters.simulated.registration import garble
from adapters.simulated.story import A, B, C, D, story_patients, story_studies
from federation.sites.site import SiteId
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress

_HOSPITALS = (
    (SimulatedHospital(SiteId(A), "Northgate General Hospital", Protocol.DICOMWEB, A, "Europe/London"), exams.ENGLISH),
    (SimulatedHospital(SiteId(B), "Klinikum Lindenkamp", Protocol.DIMSE, B, "Europe/Berlin"), exams.GERMAN),
    (
        SimulatedHospital(SiteId(C), "Riverside Diagnostic Imaging", Protocol.DICOMWEB, C, "Europe/London"),
        exams.ENGLISH + exams.FRENCH,
    ),
    (SimulatedHospital(SiteId(D), "Hospital Santa Clara", Protocol.DIMSE, D, "Europe/Madrid"), exams.SPANISH),
)
_ID_FORMS = {A: "{:07d}", B: "{:06d}", C: "{:06d}", D: "HC-{:05d}"}
"""LKM and RDI write numbers alike and start at the same one: every id of one is somebody else's at the other."""

_FIRST_NUMBER = 10_001
_OLDEST_STUDY_DAYS = 6 * 365
_REPORTED_SHARE = 0.7
_NATIONAL_ID_SHARE = 0.55
_TWIN_PAIRS = 4
_JUNIOR_PAIRS = 3


@dataclass(frozen=True, slots=True, repr=False)
class _Registration:
    hospital_index: int
    patient: SimulatedPatient


def simulate_hospitals(
    now: dt.datetime, *, seed: int = 20_260_401, people: int = 300, studies: int = 1_500
) -> tuple[SimulatedHospital, ...]:
    """The four hospitals, about ``people`` persons and ``studies`` studies, the story's people among them.

    ``now`` is aware; studies lie before it.
    """
    rng = random.Random(seed)  # noqa: S311 - a repeatable population, no secret
    registrations = _register(rng, _people(rng, people, now), now)
    chosen = [rng.choice(registrations) for _ in range(studies)]
    return tuple(_fill(rng, index, registrations, chosen, now) for index in range(len(_HOSPITALS)))


def _people(rng: random.Random, wanted: int, now: dt.datetime) -> list[Demographics]:
    people: list[Demographics] = []
    for one, other in names.TWIN_NAMES[:_TWIN_PAIRS]:
        sex = AdministrativeSex.MALE if one in ("Jayden", "Marcos") else AdministrativeSex.FEMALE
        first = _person(rng, now, sex=sex, given=one)
        people += [first, replace(first, name=replace(first.name, given=other, middle=""), national_id=_number(rng))]
    for _ in range(_JUNIOR_PAIRS):
        father = _person(rng, now, sex=AdministrativeSex.MALE)
        born = PartialDate((father.birth_date.year if father.birth_date else 1960) + 27, 6, rng.randint(1, 30))
        son = replace(father, name=replace(father.name, suffix="Jr"), birth_date=born, national_id=_number(rng))
        people += [replace(father, name=replace(father.name, suffix="Sr")), son]
    while len(people) < wanted:
        people.append(_person(rng, now, sex=rng.choice((AdministrativeSex.FEMALE, AdministrativeSex.MALE))))
    return people


def _person(rng: random.Random, now: dt.datetime, *, sex: AdministrativeSex, given: str | None = None) -> Demographics:
    is_female = sex is AdministrativeSex.FEMALE
    town, postal_code = rng.choice(names.TOWNS)
    born = (now - dt.timedelta(days=rng.randint(365, 92 * 365))).date()
    return Demographics(
        name=PersonName(
            family=rng.choice(names.FAMILIES),
            given=given or rng.choice(names.GIVEN_FEMALE if is_female else names.GIVEN_MALE),
            middle=rng.choice(names.MIDDLES),
            use="L",
        ),
        birth_date=PartialDate(born.year, born.month, born.day),
        sex=sex,
        address=PostalAddress(f"{rng.randint(1, 199)} {rng.choice(names.STREETS)}", town, postal_code),
        phones=(f"+44 20 7946 {rng.randint(0, 9999):04d}",),
        national_id=_number(rng),
    )


def _number(rng: random.Random) -> str:
    return str(rng.randint(100_000_000, 999_999_999))


def _register(rng: random.Random, people: Sequence[Demographics], now: dt.datetime) -> list[_Registration]:
    """Each person at one to four hospitals; the first registration is the clean one."""
    registrations: list[_Registration] = []
    next_number = [_FIRST_NUMBER] * len(_HOSPITALS)
    for person in people:
        where = rng.sample(range(len(_HOSPITALS)), rng.choices((1, 2, 3, 4), (40, 35, 17, 8))[0])
        for visit, index in enumerate(where):
            said = person if visit == 0 else garble(rng, person)
            if rng.random() > _NATIONAL_ID_SHARE:
                said = replace(said, national_id="")
            local_id = _ID_FORMS[_HOSPITALS[index][0].authority].format(next_number[index])
            next_number[index] += 1
            registrations.append(_Registration(index, SimulatedPatient(local_id, said)))
    return registrations


def _fill(
    rng: random.Random,
    index: int,
    registrations: Sequence[_Registration],
    chosen: Sequence[_Registration],
    now: dt.datetime,
) -> SimulatedHospital:
    hospital, catalogue = _HOSPITALS[index]
    zone = ZoneInfo(hospital.time_zone)
    patients = tuple(r.patient for r in registrations if r.hospital_index == index)
    examined = [r.patient for r in chosen if r.hospital_index == index]
    studies = tuple(
        _study(rng, f"2.999.8421.{index + 1}.{number}", patient, rng.choice(catalogue), hospital, zone, now)
        for number, patient in enumerate(examined, start=1)
    )
    return replace(
        hospital,
        patients=patients + story_patients(hospital.authority),
        studies=studies + story_studies(hospital.authority, zone, now),
    )


def _study(
    rng: random.Random,
    uid: str,
    patient: SimulatedPatient,
    exam: exams.Exam,
    hospital: SimulatedHospital,
    zone: ZoneInfo,
    now: dt.datetime,
) -> SimulatedStudy:
    age = dt.timedelta(days=rng.randint(1, _OLDEST_STUDY_DAYS), minutes=rng.randint(0, 24 * 60 - 1))
    is_reported = exam.modality != "US" and rng.random() < _REPORTED_SHARE
    started_at = (now - age).astimezone(zone).replace(second=0, microsecond=0)
    return SimulatedStudy(
        study_instance_uid=uid,
        local_patient_id=patient.local_patient_id,
        started_at=started_at,
        modalities=(exam.modality, "SR") if is_reported else (exam.modality,),
        description=exam.description,
        body_part=exam.body_part,
        accession_number=f"{hospital.authority[:2]}{started_at:%y}{uid.rsplit('.', 1)[1].zfill(6)}",
        series_count=exam.series_count,
        instance_count=max(1, round(exam.instance_count * rng.uniform(0.8, 1.2))),
    )
