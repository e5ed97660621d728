"""One ImagingStudy resource becomes one ``SiteStudy``. Pure; STU3, R4 and R5 shapes alike.

Source: FHIR ImagingStudy of STU3 (``uid``, ``patient``, ``modalityList``, ``availability``), R4 (``modality`` is a
Coding, ``procedureCode``) and R5 (``modality`` is a CodeableConcept, ``procedure`` a CodeableReference).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from adapters.fhir_imaging import elements
from adapters.fhir_imaging.elements import Resource
from adapters.fhir_imaging.patients import Question, subject_of
from adapters.fhir_imaging.times import parse_started
from federation.imaging.archive_values import is_regular_uid, is_uid, modality_codes, read_count
from federation.imaging.studies import ReportStatus, SiteStudy, StudyStatus
from federation.imaging.study_dates import ParsedStart, parse_birth_date
from federation.imaging.timeline import moment_of
from mpi.identity.demographics import AdministrativeSex, PersonName

DICOM_UID_SYSTEM = "urn:dicom:uid"
URI_SYSTEM = "urn:ietf:rfc:3986"

_STATUSES = {
    "registered": StudyStatus.SCHEDULED,
    "available": StudyStatus.COMPLETED,
    "cancelled": StudyStatus.CANCELLED,
    "entered-in-error": StudyStatus.ENTERED_IN_ERROR,
}
_AVAILABLE = {"ONLINE": True, "NEARLINE": True, "OFFLINE": False, "UNAVAILABLE": False}
_SEXES = {"female": AdministrativeSex.FEMALE, "male": AdministrativeSex.MALE, "other": AdministrativeSex.OTHER}
_MODALITY_SYSTEMS = frozenset(
    {"", "http://dicom.nema.org/resources/ontology/DCM", "urn:oid:1.2.840.10008.2.16.4", "http://nema.org/dicom/dicm"}
)
_CONFIDENTIALITY = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
        "http://hl7.org/fhir/v3/Confidentiality",
        "urn:oid:2.16.840.1.113883.5.25",
    }
)
_CODE_SYSTEMS = {"http://loinc.org": "LN", "http://snomed.info/sct": "SCT", "http://radlex.org": "RADLEX"}
"""Code systems by the designators that DICOM archives (and so code maps) use for them."""


@dataclass(frozen=True, slots=True)
class MappedResource:
    """What became of a resource: a study, or set aside (``study`` is ``None``) for the reason in ``warnings``."""

    study: SiteStudy | None
    warnings: tuple[str, ...] = ()


def map_imaging_study(
    resource: Resource, question: Question, *, patient: Resource | None, endpoints: Mapping[str, Resource]
) -> MappedResource:
    """The study of a resource that is known to be about the patient asked for.

    ``patient`` is its Patient resource if the server sent one; ``endpoints`` are the Endpoint resources by reference.
    """
    uid = _study_uid(resource)
    if uid is None:
        return MappedResource(None, ("missing_study_uid",))
    if not is_uid(uid):
        return MappedResource(None, ("irregular_uid",))
    study = _map_study(resource, uid, question, patient or {}, endpoints)
    return MappedResource(study, study.warnings)


def _map_study(
    resource: Resource, uid: str, question: Question, patient: Resource, endpoints: Mapping[str, Resource]
) -> SiteStudy:
    start = _start(resource, question)
    birth_date, birth_warnings = parse_birth_date(elements.text(patient, "birthDate"), question.now)
    series_count, series_warnings = _series_count(resource)
    instance_count, instance_warnings = _instance_count(resource)
    code, code_system = _procedure_code(resource)
    name = _person_name(patient)
    ids = (*elements.identifiers(subject_of(resource)), *elements.identifiers(patient))
    return SiteStudy(
        site_id=question.site.site_id,
        study_instance_uid=uid,
        patient_identifier=question.identifier,
        started=start.start,
        started_in=start.partial_date,
        modalities=_modalities(resource),
        description=elements.text(resource, "description") or _procedure_words(resource),
        body_part_examined=_body_part(resource),
        procedure_code=code,
        procedure_code_system=code_system,
        accession_number=_accession_number(resource),
        series_count=series_count,
        instance_count=instance_count,
        images_available=_images_available(resource, instance_count, endpoints),
        status=_status(resource),
        report_status=ReportStatus.UNKNOWN,
        patient_name=name,
        name_is_evidence=name is not None,
        birth_date=birth_date,
        sex=_SEXES.get((elements.text(patient, "gender") or "").lower()),
        other_identifiers=question.other_identifiers(ids),
        confidentiality_code=_confidentiality(resource),
        warnings=_unique(
            (
                *start.warnings,
                *birth_warnings,
                *series_warnings,
                *instance_warnings,
                *(() if is_regular_uid(uid) else ("irregular_uid",)),
            )
        ),
    )


def _confidentiality(resource: Resource) -> str | None:
    """The security label of HL7's Confidentiality: N, R, V ... the most private one (U < L < M < N < R < V)."""
    labels = elements.parts(elements.part(resource, "meta"), "security")
    codes = [
        code.upper()
        for label in labels
        if (elements.text(label, "system") or "") in _CONFIDENTIALITY and (code := elements.text(label, "code"))
    ]
    return max(codes, key="ULMNRV".find, default=None)


def _study_uid(resource: Resource) -> str | None:
    """``uid``, else the identifier of the DICOM system, else one that is an OID."""
    by_system: dict[str, str] = {}
    for identifier in elements.identifiers(resource):
        is_oid = identifier.value.lower().startswith(elements.OID_PREFIX)
        if identifier.system == DICOM_UID_SYSTEM or (identifier.system in {"", URI_SYSTEM} and is_oid):
            by_system.setdefault(identifier.system, elements.without_oid_prefix(identifier.value))
        elif identifier.system == URI_SYSTEM and is_uid(identifier.value):
            by_system.setdefault(identifier.system, identifier.value)
    uid = elements.text(resource, "uid")
    if uid is not None:
        return elements.without_oid_prefix(uid)
    return next((by_system[system] for system in (DICOM_UID_SYSTEM, URI_SYSTEM, "") if system in by_system), None)


def _accession_number(resource: Resource) -> str | None:
    """STU3 ``accession``, R4 an identifier of type ACSN, R5 that of the order."""
    own = next(elements.identifiers(resource, "accession"), None)
    if own is not None:
        return own.value
    orders = (i for order in elements.parts(resource, "basedOn") for i in elements.identifiers(order))
    return next((i.value for i in (*elements.identifiers(resource), *orders) if i.is_accession_number), None)


def _modalities(resource: Resource) -> tuple[str, ...]:
    """Codes of the study, or of its series where it has none."""
    series = [m for one in elements.parts(resource, "series") for m in elements.parts(one, "modality")]
    for listed in (elements.parts(resource, "modality"), elements.parts(resource, "modalityList"), series):
        codes = modality_codes(code for element in listed for code in _modality_texts(element))
        if codes:
            return codes
    return ()


def _modality_texts(element: Resource) -> Iterable[str]:
    coded = [code for system, code, _ in elements.codings(element) if system in _MODALITY_SYSTEMS]
    return coded or [text for text in (elements.text(element, "text"),) if text is not None]


def _start(resource: Resource, question: Question) -> ParsedStart:
    """``started`` of the study; where it has none, the earliest of its series."""
    zone = ZoneInfo(question.site.time_zone)
    own = elements.text(resource, "started")
    if own is None:
        texts = (elements.text(series, "started") for series in elements.parts(resource, "series"))
        parsed = [parse_started(text, zone=zone, now=question.now) for text in texts if text is not None]
        dated = [(moment_of(p.start), number) for number, p in enumerate(parsed) if p.start is not None]
        if dated:
            return parsed[min(dated)[1]]
    return parse_started(own, zone=zone, now=question.now)


def _series_count(resource: Resource) -> tuple[int | None, tuple[str, ...]]:
    count, warnings = read_count(elements.text(resource, "numberOfSeries"))
    listed = sum(1 for _ in elements.parts(resource, "series"))
    return (listed if count is None and listed else count), warnings


def _instance_count(resource: Resource) -> tuple[int | None, tuple[str, ...]]:
    """``numberOfInstances``, else the sum over the series where each of them says."""
    count, warnings = read_count(elements.text(resource, "numberOfInstances"))
    if count is None:
        said = [read_count(elements.text(s, "numberOfInstances"))[0] for s in elements.parts(resource, "series")]
        known = [number for number in said if number is not None]
        count = sum(known) if known and len(known) == len(said) else None
    return count, warnings


def _status(resource: Resource) -> StudyStatus:
    """STU3 has no status: what it lists was done. A code nobody knows is unknown."""
    code = elements.text(resource, "status")
    return StudyStatus.COMPLETED if code is None else _STATUSES.get(code.lower(), StudyStatus.UNKNOWN)


def _images_available(resource: Resource, instance_count: int | None, endpoints: Mapping[str, Resource]) -> bool | None:
    """No instances: no images. Else what STU3 says; else not if every endpoint of the study is known and closed."""
    if instance_count == 0:
        return False
    said = _AVAILABLE.get((elements.text(resource, "availability") or "").upper())
    if said is not None:
        return said
    named = [elements.text(e, "reference") or "" for e in elements.parts(resource, "endpoint")]
    states = [elements.text(endpoints[name], "status") if name in endpoints else None for name in named]
    if "active" in states:
        return True
    return False if states and None not in states else None


def _procedures(resource: Resource) -> tuple[Resource, ...]:
    return (*elements.parts(resource, "procedureCode"), *elements.parts(resource, "procedure"))


def _procedure_code(resource: Resource) -> tuple[str | None, str | None]:
    for procedure in _procedures(resource):
        for system, code, _ in elements.codings(procedure):
            return code, _CODE_SYSTEMS.get(system.rstrip("/"), system) or None
    return None, None


def _procedure_words(resource: Resource) -> str | None:
    return next((said for procedure in _procedures(resource) if (said := elements.words(procedure))), None)


def _body_part(resource: Resource) -> str | None:
    sites = (site for series in elements.parts(resource, "series") for site in elements.parts(series, "bodySite"))
    return next((said for site in sites if (said := elements.words(site))), None)


def _person_name(patient: Resource) -> PersonName | None:
    """The official name, else the first that has a family name; a name that is only text is no evidence."""
    names = [name for name in elements.parts(patient, "name") if elements.texts(name, "family")]
    official = [name for name in names if elements.text(name, "use") == "official"]
    for name in (*official, *names):
        given, *middle = elements.texts(name, "given") or ("",)
        return PersonName(" ".join(elements.texts(name, "family")), given, " ".join(middle))
    return None


def _unique(warnings: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(warnings))
