"""The people of the demo story. Everything about them is invented; dates are relative to the day of the demo.

Marta is registered twice under two family names, and one hospital does not know that the other scanned her three
days ago. Her twin Maria must never be taken for her. Tomasz came to one of them by ambulance, without papers. Irene
is known at three hospitals. Nuria has two numbers at one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from adapters.simulated.hospital import SimulatedPatient, SimulatedStudy
from mpi.identity.demographics import AdministrativeSex, Demographics, PartialDate, PersonName, PostalAddress
from mpi.identity.identifiers import PatientIdentifier

NATIONAL_AUTHORITY = "NATID"
"""Issues national ids, one to a person."""

A, B, C, D = "NGH", "LKM", "RDI", "HSC"
"""Site ids of the four hospitals; each issues its own patient ids under the same name."""


@dataclass(frozen=True, slots=True)
class Story:
    """Who is who. Study UIDs are fixed, so that the story can be checked."""

    ordering_site: str
    marta_here: PatientIdentifier
    marta_elsewhere: PatientIdentifier
    marta_ct: str
    maria_here: PatientIdentifier
    maria_elsewhere: PatientIdentifier
    tomasz_here: PatientIdentifier
    tomasz_elsewhere: PatientIdentifier
    tomasz_ct: str
    irene_here: PatientIdentifier
    irene_elsewhere: PatientIdentifier
    irene_third: PatientIdentifier
    nuria_surviving: PatientIdentifier
    nuria_subsumed: PatientIdentifier


STORY = Story(
    ordering_site=A,
    marta_here=PatientIdentifier(A, "0090101"),
    marta_elsewhere=PatientIdentifier(B, "701101"),
    marta_ct="2.999.8420.2.1",
    maria_here=PatientIdentifier(A, "0090102"),
    maria_elsewhere=PatientIdentifier(B, "701102"),
    tomasz_here=PatientIdentifier(A, "0090103"),
    tomasz_elsewhere=PatientIdentifier(C, "701101"),
    tomasz_ct="2.999.8420.3.1",
    irene_here=PatientIdentifier(A, "0090104"),
    irene_elsewhere=PatientIdentifier(D, "HC-90104"),
    irene_third=PatientIdentifier(C, "701104"),
    nuria_surviving=PatientIdentifier(D, "HC-90201"),
    nuria_subsumed=PatientIdentifier(D, "HC-30417"),
)

_F, _M = AdministrativeSex.FEMALE, AdministrativeSex.MALE

_MARTA = Demographics(
    name=PersonName("Brandt", "Marta", "Elena", use="L"),
    birth_date=PartialDate(1979, 5, 14),
    sex=_F,
    address=PostalAddress("17 Weaver Close", "Oldbridge", "OB4 7QD"),
    phones=("+44 20 7946 0817",),
    national_id="790514201",
)
_MARIA = Demographics(
    name=PersonName("Brandt", "Maria", "Luise", use="L"),
    birth_date=PartialDate(1979, 5, 14),
    sex=_F,
    address=PostalAddress("4 Birkenweg", "Hohenau", "48990"),
    phones=("+49 251 555 0142",),
    national_id="790514318",
)
_TOMASZ = Demographics(
    name=PersonName("Wieczorek", "Tomasz", use="L"),
    birth_date=PartialDate(1968, 11, 3),
    sex=_M,
    address=PostalAddress("88 Harbour Street", "Northgate", "NG10 2LT"),
    phones=("+44 20 7946 0455",),
)
_IRENE = Demographics(
    name=PersonName("Castellan", "Irene", "Rose", use="L"),
    birth_date=PartialDate(1955, 2, 27),
    sex=_F,
    address=PostalAddress("2 Church Walk", "Northgate", "NG10 5RE"),
    phones=("+44 20 7946 0660",),
    national_id="550227745",
)
_NURIA = Demographics(
    name=PersonName("Salcedo Vidal", "Nuria", use="L"),
    birth_date=PartialDate(1990, 8, 9),
    sex=_F,
    address=PostalAddress("Camino Viejo 31", "Santa Clara", "28999"),
    phones=("+34 91 555 01 77",),
    national_id="900809664",
)

_REGISTRATIONS: tuple[tuple[PatientIdentifier, Demographics], ...] = (
    (
        STORY.marta_here,
        replace(
            _MARTA,
            name=PersonName("Holloway", "Marta", "Elena", use="L"),
            aliases=(PersonName("Brandt", "Marta", use="M"),),
        ),
    ),
    (STORY.marta_elsewhere, _MARTA),
    (STORY.maria_here, _MARIA),
    (STORY.maria_elsewhere, _MARIA),
    (STORY.tomasz_here, _TOMASZ),
    (
        STORY.tomasz_elsewhere,
        replace(
            _TOMASZ,
            birth_date=None,
            address=PostalAddress(),
        ),
    ),
    (STORY.irene_here, _IRENE),
    (STORY.irene_elsewhere, _IRENE),
    (STORY.irene_third, _IRENE),
    (STORY.nuria_surviving, _NURIA),
    (STORY.nuria_subsumed, replace(_NURIA, name=PersonName("Salcedo", "Nuria", use="L"), phones=())),
)


def story_patients(authority: str) -> tuple[SimulatedPatient, ...]:
    """The story's registrations at one hospital."""
    return tuple(
        SimulatedPatient(identifier.local_patient_id, demographics)
        for identifier, demographics in _REGISTRATIONS
        if identifier.assigning_authority == authority
    )


def story_studies(authority: str, zone: ZoneInfo, now: dt.datetime) -> tuple[SimulatedStudy, ...]:
    """The story's studies at one hospital."""
    return tuple(_study(plan, zone, now) for plan in _PLANS if plan.patient.assigning_authority == authority)


@dataclass(frozen=True, slots=True)
class _Plan:
    uid: str
    patient: PatientIdentifier
    age: dt.timedelta
    modalities: tuple[str, ...]
    description: str
    body_part: str
    accession_number: str
    series_count: int = 3
    instance_count: int = 120


_DAY = dt.timedelta(days=1)
_PLANS = (
    _Plan(
        STORY.marta_ct,
        STORY.marta_elsewhere,
        3 * _DAY,
        ("CT", "SR"),
        "CT ABDOMEN PELVIS W CONTRAST",
        "ABDOMEN",
        "LK2600817",
        5,
        436,
    ),
    _Plan(
        "2.999.8420.2.2",
        STORY.marta_elsewhere,
        410 * _DAY,
        ("CR",),
        "Röntgen Thorax in 2 Ebenen",
        "CHEST",
        "LK2500033",
        2,
        2,
    ),
    _Plan(
        "2.999.8420.1.1",
        STORY.marta_here,
        700 * _DAY,
        ("US",),
        "US ABDOMEN COMPLETE",
        "ABDOMEN",
        "NG2400412",
        1,
        44,
    ),
    _Plan(
        "2.999.8420.2.3",
        STORY.maria_elsewhere,
        640 * _DAY,
        ("MR", "SR"),
        "MRT Knie rechts nativ",
        "KNEE",
        "LK2400201",
        6,
        190,
    ),
    _Plan(
        STORY.tomasz_ct,
        STORY.tomasz_elsewhere,
        1 * _DAY,
        ("CT", "SR"),
        "CT HEAD WO CONTRAST",
        "HEAD",
        "RD2600455",
        3,
        98,
    ),
    _Plan(
        "2.999.8420.1.2",
        STORY.irene_here,
        95 * _DAY,
        ("DX", "SR"),
        "XR CHEST 2 VIEWS",
        "CHEST",
        "NG2600120",
        2,
        2,
    ),
    _Plan(
        "2.999.8420.4.1",
        STORY.irene_elsewhere,
        1200 * _DAY,
        ("MG", "SR"),
        "Mamografía bilateral",
        "BREAST",
        "HS2300077",
        4,
        4,
    ),
    _Plan(
        "2.999.8420.4.2",
        STORY.nuria_subsumed,
        20 * _DAY,
        ("MR", "SR"),
        "RM columna lumbar",
        "LSPINE",
        "HS2600301",
        6,
        142,
    ),
    _Plan(
        "2.999.8420.4.3",
        STORY.nuria_subsumed,
        380 * _DAY,
        ("DX",),
        "Radiografía de tórax PA y lateral",
        "CHEST",
        "HS2500118",
        2,
        2,
    ),
)


def _study(plan: _Plan, zone: ZoneInfo, now: dt.datetime) -> SimulatedStudy:
    return SimulatedStudy(
        study_instance_uid=plan.uid,
        local_patient_id=plan.patient.local_patient_id,
        started_at=(now - plan.age).astimezone(zone).replace(microsecond=0),
        modalities=plan.modalities,
        description=plan.description,
        body_part=plan.body_part,
        accession_number=plan.accession_number,
        series_count=plan.series_count,
        instance_count=plan.instance_count,
    )


def demographics_of(identifier: PatientIdentifier) -> Demographics:
    """What the story says of one registration.

    Raises:
        KeyError: nobody in the story has this identifier.
    """
    known: Mapping[PatientIdentifier, Demographics] = dict(_REGISTRATIONS)
    return known[identifier]
