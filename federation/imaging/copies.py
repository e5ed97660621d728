"""Probable copies: one examination that lies in two archives under two UIDs.

An archive that imports a study may give it new UIDs and the importing hospital's own patient number. Two UIDs are
never one study here: such pairs are flagged for people, nothing is merged, left out or judged differently.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from federation.imaging.procedures import Contrast, Laterality, Procedure
from federation.imaging.studies import PriorStudy, StudyStart
from federation.imaging.timeline import moment_of

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SAME_MOMENT = dt.timedelta(minutes=1)
_FARTHEST_APART = dt.timedelta(hours=38)
"""Two bare dates, or one wall clock read in two time zones, can be no further apart."""


def flag_probable_copies(studies: Sequence[PriorStudy]) -> tuple[PriorStudy, ...]:
    """The same studies in the same order, each with the UIDs of its probable copies."""
    copies: dict[str, set[str]] = defaultdict(set)
    for one, other in _neighbours(studies):
        if are_probable_copies(one, other):
            copies[one.study_instance_uid].add(other.study_instance_uid)
            copies[other.study_instance_uid].add(one.study_instance_uid)
    return tuple(
        replace(study, probable_copies=tuple(sorted(copies[study.study_instance_uid])))
        if study.study_instance_uid in copies
        else study
        for study in studies
    )


def are_probable_copies(one: PriorStudy, other: PriorStudy) -> bool:
    """Whether two studies of one person look like one examination. The same either way round.

    They must have the same modalities and moment, and nothing may speak against it: two counts, two procedures, or
    two accession numbers of one issuer. Beyond that they must share what is no coincidence: the accession number, or
    the time of day together with the number of images or the description.
    """
    if one.study_instance_uid == other.study_instance_uid or one.started is None or other.started is None:
        return False
    if not one.imaging_modalities or one.imaging_modalities != other.imaging_modalities:
        return False
    if not _starts_agree(one.started, other.started) or _contradict(one, other):
        return False
    if _accession_numbers(one) & _accession_numbers(other):
        return True
    is_timed = one.started.instant is not None and other.started.instant is not None
    same_images = one.instance_count is not None and one.instance_count == other.instance_count
    return is_timed and (same_images or bool(_words(one) & _words(other)))


def _neighbours(studies: Iterable[PriorStudy]) -> Iterator[tuple[PriorStudy, PriorStudy]]:
    """Pairs of dated studies that are near enough in time to be compared."""
    dated = sorted(
        ((moment_of(study.started) - _EPOCH, study.study_instance_uid, study) for study in studies if study.started),
        key=lambda entry: entry[:2],
    )
    first = 0
    for number, (moment, _, study) in enumerate(dated):
        while moment - dated[first][0] > _FARTHEST_APART:
            first += 1
        for _, _, earlier in dated[first:number]:
            yield earlier, study


def _starts_agree(one: StudyStart, other: StudyStart) -> bool:
    """The same moment, or the same wall-clock time: an archive may read it in its own time zone. Else the same day."""
    if one.instant is None or other.instant is None:
        return one.local_date == other.local_date
    if abs((one.instant - _EPOCH) - (other.instant - _EPOCH)) <= _SAME_MOMENT:
        return True
    return abs(one.instant.replace(tzinfo=None) - other.instant.replace(tzinfo=None)) <= _SAME_MOMENT


def _contradict(one: PriorStudy, other: PriorStudy) -> bool:
    return (
        _differ(one.series_count, other.series_count)
        or _differ(one.instance_count, other.instance_count)
        or _procedures_differ(one.procedure, other.procedure)
        or _accession_numbers_differ(one, other)
    )


def _differ(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one != other


def _procedures_differ(one: Procedure, other: Procedure) -> bool:
    """Two known procedures of other regions, sides or contrast; what is not known differs from nothing."""
    if one.is_unknown or other.is_unknown:
        return False
    sides = {one.laterality, other.laterality} - {Laterality.UNKNOWN}
    contrasts = {one.contrast, other.contrast} - {Contrast.UNKNOWN}
    return one.modality is not other.modality or one.regions != other.regions or len(sides) > 1 or len(contrasts) > 1


def _accession_numbers(study: PriorStudy) -> set[str]:
    return {location.accession_number for location in study.locations if location.accession_number}


def _accession_numbers_differ(one: PriorStudy, other: PriorStudy) -> bool:
    """An issuer that numbers them differently takes them for two examinations."""
    mine, theirs = _by_issuer(one), _by_issuer(other)
    return any(mine[issuer].isdisjoint(theirs[issuer]) for issuer in mine.keys() & theirs.keys())


def _by_issuer(study: PriorStudy) -> dict[str, set[str]]:
    """Accession numbers by the authority of the patient number beside them: whoever numbers patients, numbers exams."""
    numbers: dict[str, set[str]] = defaultdict(set)
    for location in study.locations:
        if location.accession_number:
            numbers[location.patient_identifier.assigning_authority].add(location.accession_number)
    return dict(numbers)


def _words(study: PriorStudy) -> set[str]:
    return {" ".join(text.casefold().split()) for text in study.descriptions} - {""}
