"""Do the alerts help? One period, from what the store keeps; no site is asked.

What followed an answer is read from the study index: what the sites said last. Where that is too old the report says
``not_known``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from federation.imaging.alerts import AlertState, DuplicateAlert
from federation.imaging.rule_set import RuleSet
from federation.imaging.studies import SiteStudy, StudyStatus
from federation.ports import UnitOfWork
from federation.sites.consent import ANYBODY, PersonView
from federation.sites.directory import SiteDirectory
from federation.usecases.search_priors import ProcedureOf
from federation.usecases.see_person import see_person
from federation.usefulness.avoided import AnsweredOrder, LaterExam, count_avoided, count_overridden
from federation.usefulness.doses import DoseTable, default_dose_table
from federation.usefulness.outcomes import count_outcomes
from federation.usefulness.report import UsefulnessReport
from federation.usefulness.site_tables import CostTable
from mpi.errors import UnknownIdentifier
from mpi.identity.survivorship import golden_record
from mpi.ports import Clock
from mpi.usecases.resolve_identity import ResolvedIdentity


@dataclass(frozen=True, slots=True)
class ReportTables:
    """What a site brings along. ``group_of``: orderer to group."""

    doses: DoseTable = field(default_factory=default_dose_table)
    costs: CostTable = field(default_factory=CostTable)
    group_of: Mapping[str, str] = field(default_factory=dict)


def report_usefulness(
    since: dt.datetime,
    until: dt.datetime,
    *,
    uow: UnitOfWork,
    directory: SiteDirectory,
    rules: RuleSet,
    procedure_of: ProcedureOf,
    tables: ReportTables,
    now: dt.datetime,
) -> UsefulnessReport:
    """The report of the alerts raised from ``since`` on and before ``until``."""
    statistics = uow.alert_statistics
    outcomes = count_outcomes(
        statistics.outcomes(since, until), statistics.rule_outcomes(since, until), group_of=tables.group_of
    )
    reader = _Reader(uow, directory, rules, procedure_of, lambda: now)
    answered = [(alert, order) for alert in statistics.answered(since, until) if (order := reader.read(alert))]
    accepted = [order for alert, order in answered if alert.state is AlertState.ACCEPTED]
    overridden = [order for alert, order in answered if alert.state is AlertState.OVERRIDDEN]
    later = uow.alert_statistics.answered(since, now)
    accepted_priors = frozenset(alert.prior_id for alert in later if alert.state is AlertState.ACCEPTED)
    return UsefulnessReport(
        since=since,
        until=until,
        as_of=now,
        outcomes=outcomes,
        avoided=count_avoided(accepted, now=now, doses=tables.doses, costs=tables.costs),
        overridden=count_overridden(overridden, now=now, accepted_priors=accepted_priors),
        dose_table=tables.doses.version,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Gathers what the report needs to know of one answered alert."""

    uow: UnitOfWork
    directory: SiteDirectory
    rules: RuleSet
    procedure_of: ProcedureOf
    clock: Clock

    def read(self, alert: DuplicateAlert) -> AnsweredOrder | None:
        """The alert's order; ``None`` when its check is kept no more or its procedure has no class."""
        check = self.uow.order_checks.newest(alert.check_id)
        exam_class = None if check is None else self.rules.class_of(check.order.procedure)
        if check is None or exam_class is None:
            return None
        view = self._view_of(alert)
        identity = None if view is None else view.identity
        studies, seen_until = ((), None) if view is None else self._last_said(view)
        return AnsweredOrder(
            alert_id=alert.alert_id,
            prior_id=alert.prior_id,
            site_id=alert.ordering_site,
            procedure=check.order.procedure,
            exam_class=exam_class.name,
            answered_at=alert.changed_at,
            age_years=None if identity is None else _age_years(identity, alert.changed_at.date()),
            seen_until=seen_until,
            later_exams=tuple(
                self._exam(study)
                for study in studies
                if study.study_instance_uid != alert.prior_id and _is_done_after(study, alert.changed_at)
            ),
        )

    def _view_of(self, alert: DuplicateAlert) -> PersonView | None:
        """The patient as the ordering site may see them: what is hidden there counts as if it were not."""
        viewer = ANYBODY.at(alert.ordering_site)
        try:
            return see_person(
                alert.patient_identifier, uow=self.uow, directory=self.directory, viewer=viewer, clock=self.clock
            )
        except UnknownIdentifier:
            return None

    def _last_said(self, view: PersonView) -> tuple[tuple[SiteStudy, ...], dt.datetime | None]:
        asked = [
            (site_id, identifier)
            for site_id in self.directory.sources
            for identifier in view.identity.identifiers_of(self.directory.sites[site_id].assigning_authority)
        ]
        entries = self.uow.study_index.of({identifier for _, identifier in asked})
        whole = {(entry.site_id, entry.identifier): entry.as_of for entry in entries if entry.is_complete}
        seen = [whole.get(pair) for pair in asked]
        known = [moment for moment in seen if moment is not None]
        studies = tuple(study for entry in entries for study in entry.studies if not view.veil.hides(study))
        return studies, min(known) if known and len(known) == len(seen) else None

    def _exam(self, study: SiteStudy) -> LaterExam:
        exam_class = self.rules.class_of(self.procedure_of(study))
        day = study.started.local_date if study.started is not None else dt.date.min
        return LaterExam(study.study_instance_uid, None if exam_class is None else exam_class.name, day)


def _is_done_after(study: SiteStudy, moment: dt.datetime) -> bool:
    """An exam on the day of the answer whose time is not known counts as done after it: nothing is avoided by doubt."""
    if study.started is None or study.status is not StudyStatus.COMPLETED:
        return False
    if study.started.instant is not None:
        return study.started.instant >= moment
    return study.started.local_date >= moment.date()


def _age_years(identity: ResolvedIdentity, day: dt.date) -> int | None:
    born = golden_record(identity.records).birth_date
    born_on = None if born is None else born.value.as_date()
    if born_on is None:
        return None
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))
