"""Is a returned study the right patient's? Two people's images must never be mixed.

The archive was asked for one identifier and answered for it (sources drop other rows). What is left to fear is one
number with two people behind it: a reused id, an overlay, an archive that coerces ids.
"""

from __future__ import annotations

from federation.imaging.studies import SiteStudy
from mpi.identity.contradiction import Contradictions, contradictions
from mpi.identity.demographics import Demographics, PersonName
from mpi.identity.records import SourceRecord


def contradicts_record(study: SiteStudy, record: SourceRecord) -> bool:
    """True when the study's own demographics cannot be those of the linked record.

    Stricter than for messages: a wholly different name is enough here, whatever the date says, because showing a
    stranger's images costs more than hiding a study (which is counted, never silent).
    """
    found = _compare(study, record)
    return found.name or found.is_other_person


def _compare(study: SiteStudy, record: SourceRecord) -> Contradictions:
    name = study.patient_name if study.name_is_evidence and study.patient_name is not None else PersonName()
    return contradictions(
        Demographics(name=name, birth_date=study.birth_date, sex=study.sex),
        record.demographics,
    )
