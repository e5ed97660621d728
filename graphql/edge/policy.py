"""What the site shares. Pure; the lists come from ``policy_lists``.

A withheld study leaves no trace: no row, no count, no warning, and no empty answer that a list without it could not
have given.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from federation.errors import QueryRefused, SourceTimedOut
from federation.imaging.studies import SiteStudy
from federation.ports import SiteAnswer
from mpi.identity.identifiers import PatientIdentifier

_REPEATED = "repeated_study"


@dataclass(frozen=True, slots=True, repr=False)
class SharingPolicy:
    """The site's rules. Where a rule cannot be applied for want of a value, the study is withheld.

    Attributes:
        excluded_modalities: upper case; a study without a known modality is withheld once there is any.
        excluded_patients: local patient ids.
        excluded_studies: study UIDs or accession numbers.
        shared_from, shared_until: first and last day shared; undated studies are withheld once there is one.
        sensitive_words: casefolded; looked for in description, body part and procedure code, where given.
        share_demographics: whether name, birth date, sex and other numbers go out.
    """

    excluded_modalities: frozenset[str] = frozenset()
    excluded_patients: frozenset[str] = frozenset()
    excluded_studies: frozenset[str] = frozenset()
    shared_from: dt.date | None = None
    shared_until: dt.date | None = None
    sensitive_words: tuple[str, ...] = ()
    share_demographics: bool = True

    def withholds(self, study: SiteStudy) -> bool:
        """Whether the site keeps this study to itself."""
        return (
            study.patient_identifier.local_patient_id in self.excluded_patients
            or study.study_instance_uid in self.excluded_studies
            or study.accession_number in self.excluded_studies
            or self._is_of_an_excluded_modality(study)
            or self._is_outside_the_days(study)
            or self._is_sensitive(study)
        )

    def _is_of_an_excluded_modality(self, study: SiteStudy) -> bool:
        if not self.excluded_modalities:
            return False
        return not study.modalities or not self.excluded_modalities.isdisjoint(study.modalities)

    def _is_outside_the_days(self, study: SiteStudy) -> bool:
        if self.shared_from is None and self.shared_until is None:
            return False
        first, last = _days_of(study)
        if first is None or last is None:
            return True
        return (self.shared_from is not None and first < self.shared_from) or (
            self.shared_until is not None and last > self.shared_until
        )

    def _is_sensitive(self, study: SiteStudy) -> bool:
        texts = (study.description, study.body_part_examined, study.procedure_code)
        said = "\n".join(text.casefold() for text in texts if text)
        return any(word in said for word in self.sensitive_words)


@dataclass(frozen=True, slots=True, repr=False)
class SharedAnswer:
    """What leaves the site, and how many studies do not (for the site's own audit alone)."""

    answer: SiteAnswer
    withheld_count: int = 0


def apply_policy(policy: SharingPolicy, answer: SiteAnswer) -> SharedAnswer:
    """The part of an archive's answer that the site shares.

    Raises:
        SourceTimedOut: the list was cut and nothing of what is there may be shared. Neither "no studies" (there may
            be some beyond the cut) nor an incomplete empty list (which tells that something was withheld) would do.
    """
    # an archive may list a study in several rows: one row withheld is the study withheld
    withheld = {study.study_instance_uid for study in answer.studies if policy.withholds(study)}
    kept = tuple(study for study in answer.studies if study.study_instance_uid not in withheld)
    if withheld and not kept and not answer.is_complete:
        raise SourceTimedOut("deadline")
    warnings = _warnings(answer, kept) if withheld else answer.warnings
    if not policy.share_demographics:
        kept = tuple(_without_demographics(study) for study in kept)
    return SharedAnswer(replace(answer, studies=kept, warnings=warnings), len(withheld))


def _warnings(answer: SiteAnswer, kept: tuple[SiteStudy, ...]) -> tuple[str, ...]:
    """The warnings of a list that never held the withheld studies."""
    of_studies = {warning for study in answer.studies for warning in study.warnings}
    of_kept = {warning for study in kept for warning in study.warnings}
    is_repeated = len({study.study_instance_uid for study in kept}) < len(kept)
    return tuple(
        warning
        for warning in answer.warnings
        if (warning in of_kept or warning not in of_studies) and (warning != _REPEATED or is_repeated)
    )


def _without_demographics(study: SiteStudy) -> SiteStudy:
    return replace(
        study,
        patient_name=None,
        ideographic_name=None,
        phonetic_name=None,
        name_is_evidence=False,
        birth_date=None,
        sex=None,
        other_identifiers=(),
    )


def _days_of(study: SiteStudy) -> tuple[dt.date | None, dt.date | None]:
    """First and last day on which the study can have been."""
    if study.started is not None:
        return study.started.local_date, study.started.local_date
    known = study.started_in
    if known is None:
        return None, None
    first = dt.date(known.year, known.month or 1, known.day or 1)
    if known.day is not None:
        return first, first
    last_month = known.month or 12
    following = dt.date(known.year + last_month // 12, last_month % 12 + 1, 1)
    return first, following - dt.timedelta(days=1)


def check_own(identifier: PatientIdentifier, assigning_authority: str) -> None:
    """A site answers about numbers of its own only.

    Raises:
        QueryRefused: ``foreign_authority``.
    """
    if identifier.assigning_authority != assigning_authority:
        raise QueryRefused("foreign_authority")
