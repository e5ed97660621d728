"""What one site contributes to a history: its studies, live or from the study index, and its coverage entry.

However many identifiers a site was asked about, it has one entry: the worst of them counts. An error is never an
empty answer. Studies that contradict the person are set apart, wherever they come from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from federation.errors import NotAsked, SourceError, SourceTimedOut
from federation.imaging.right_patient import contradicts_record, demographics_of
from federation.imaging.studies import SiteStudy
from federation.imaging.study_index import IndexedAnswer
from federation.sites.consent import NO_VEIL, Veil
from federation.sites.coverage import CoverageState, SiteCoverage
from federation.sites.site import SiteId
from mpi.identity.identifiers import PatientIdentifier
from mpi.usecases.resolve_identity import ResolvedIdentity

FILLED_FROM_INDEX = "filled_from_index"
"""Warning: the live list was cut; studies that the site named before stand in it, too."""

INDEXED_LIST_MAY_BE_CUT = "indexed_list_may_be_cut"
"""Warning: the site never gave its whole list."""


@dataclass(frozen=True, slots=True, repr=False)
class LiveAnswer:
    """What a site said of one identifier just now. ``cut_by`` says why a list that is not complete is cut."""

    studies: tuple[SiteStudy, ...]
    is_complete: bool
    warnings: tuple[str, ...]
    as_of: dt.datetime
    cut_by: str = "possibly_truncated"


@dataclass(frozen=True, slots=True, repr=False)
class SiteResult:
    """A site's part of a history."""

    coverage: SiteCoverage
    studies: tuple[SiteStudy, ...] = ()


Said = TypeVar("Said", LiveAnswer, IndexedAnswer)

Outcome = LiveAnswer | SourceError | None
"""``None``: something of ours broke."""


def wants_index(outcome: Outcome) -> bool:
    """Whether what the site said before would add to this."""
    return not isinstance(outcome, LiveAnswer) or not outcome.is_complete


def site_result(
    site_id: SiteId,
    identity: ResolvedIdentity,
    outcomes: Mapping[PatientIdentifier, Outcome],
    indexed: Mapping[tuple[SiteId, PatientIdentifier], IndexedAnswer],
    latency_ms: int | None,
    *,
    veil: Veil = NO_VEIL,
) -> SiteResult:
    """One entry and the studies of the site, from what came of each identifier. At least one was asked about."""
    live = {i: _veiled(o, veil) for i, o in outcomes.items() if isinstance(o, LiveAnswer)}
    filled = {
        i: _veiled(entry, veil)
        for i, o in outcomes.items()
        if wants_index(o) and (entry := indexed.get((site_id, i))) is not None
    }
    missing = outcomes.keys() - live.keys() - filled.keys()
    errors = [o for o in outcomes.values() if not isinstance(o, LiveAnswer)]
    state, reason = _state_of(errors, live, has_missing=bool(missing), has_any=bool(live or filled))
    kept, set_apart = _check_patient(identity, _rows(outcomes, live, filled))
    said_at = [answer.as_of for answer in live.values()]
    said_at += [entry.as_of for i, entry in filled.items() if i not in live or _adds_to(live[i], entry)]
    return SiteResult(
        SiteCoverage(
            site_id,
            state,
            latency_ms,
            as_of=min(said_at, default=None),
            study_count=len({study.study_instance_uid for study in kept}),
            set_apart_count=set_apart,
            reason=reason,
            warnings=_warnings(live, filled),
        ),
        kept,
    )


def _adds_to(live: LiveAnswer, entry: IndexedAnswer) -> bool:
    """Whether something is shown that the site said before and has not said now."""
    said = {study.study_instance_uid for study in live.studies}
    return any(study.study_instance_uid not in said for study in entry.studies)


def _veiled(answer: Said, veil: Veil) -> Said:
    """The answer as if the hidden studies were not; so are the warnings that only they carry."""
    shown = tuple(study for study in answer.studies if not veil.hides(study))
    if len(shown) == len(answer.studies):
        return answer
    theirs = {w for study in answer.studies for w in study.warnings} - {w for study in shown for w in study.warnings}
    return replace(answer, studies=shown, warnings=tuple(w for w in answer.warnings if w not in theirs))


def _state_of(
    errors: list[SourceError | None], live: Mapping[PatientIdentifier, LiveAnswer], *, has_missing: bool, has_any: bool
) -> tuple[CoverageState, str | None]:
    if not errors:
        cut = [answer.cut_by for answer in live.values() if not answer.is_complete]
        return (CoverageState.PARTIAL, cut[0]) if cut else (CoverageState.ANSWERED, None)
    first = errors[0]
    reason = "internal_error" if first is None else first.reason
    if not has_missing:
        return CoverageState.INDEXED, reason
    if has_any:
        return CoverageState.PARTIAL, reason
    match first:
        case SourceTimedOut():
            return CoverageState.TIMED_OUT, reason
        case NotAsked():
            return CoverageState.SKIPPED, reason
    return CoverageState.FAILED, reason


def _rows(
    outcomes: Iterable[PatientIdentifier],
    live: Mapping[PatientIdentifier, LiveAnswer],
    filled: Mapping[PatientIdentifier, IndexedAnswer],
) -> list[tuple[PatientIdentifier, SiteStudy]]:
    """Live rows first; of what was said before only the studies that are not among them."""
    rows: list[tuple[PatientIdentifier, SiteStudy]] = []
    for identifier in outcomes:
        said = live[identifier].studies if identifier in live else ()
        before = filled[identifier].studies if identifier in filled else ()
        named = {study.study_instance_uid for study in said}
        rows += [(identifier, study) for study in said]
        rows += [(identifier, study) for study in before if study.study_instance_uid not in named]
    return rows


def _check_patient(
    identity: ResolvedIdentity, rows: Iterable[tuple[PatientIdentifier, SiteStudy]]
) -> tuple[tuple[SiteStudy, ...], int]:
    kept: list[SiteStudy] = []
    set_apart = 0
    known: dict[object, bool] = {}
    for identifier, study in rows:
        said = (identifier, *demographics_of(study))
        if (is_strange := known.get(said)) is None:
            record = identity.record_of(identifier)
            is_strange = known[said] = record is not None and contradicts_record(study, record)
        if is_strange:
            set_apart += 1
        else:
            kept.append(study)
    return tuple(kept), set_apart


def _warnings(
    live: Mapping[PatientIdentifier, LiveAnswer], filled: Mapping[PatientIdentifier, IndexedAnswer]
) -> tuple[str, ...]:
    said = [w for answer in live.values() for w in answer.warnings]
    said += [w for identifier, entry in filled.items() if identifier not in live for w in entry.warnings]
    if live.keys() & filled.keys():
        said.append(FILLED_FROM_INDEX)
    if any(not entry.is_complete for identifier, entry in filled.items() if identifier not in live):
        said.append(INDEXED_LIST_MAY_BE_CUT)
    return tuple(dict.fromkeys(said))
