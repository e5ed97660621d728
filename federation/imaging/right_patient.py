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
    return is_set_apart(study_contradictions(study, record))


def is_set_apart(found: Contradictions) -> bool:
    """Whether a study with these contradictions is shown to nobody."""
    return found.name or found.is_other_person


def study_contradictions(study: SiteStudy, record: SourceRecord) -> Contradictions:
    """What of the study's own demographics cannot be the linked record's."""
    names = (study.patient_name, study.ideographic_name, study.phonetic_name) if study.name_is_evidence else ()
    name, *aliases = [n for n in names if n is not None] or [PersonName()]
    said = Demographics(name=name, aliases=tuple(aliases), birth_date=study.birth_date, sex=study.sex)
    return contradictions(said, record.demographics)


def demographics_of(study: SiteStudy) -> tuple[object, ...]:
    """Everything that the comparison looks at: studies alike in it are alike in their contradictions."""
    return (
        study.patient_name, study.ideographic_name, study.phonetic_name, study.name_is_evidence, study.birth_date,
        study.sex,
    )  # fmt: skip
