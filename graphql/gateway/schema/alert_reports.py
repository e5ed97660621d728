"""Do the alerts help? Counts, without a patient in them."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

from federation.imaging.alerts import OverrideReason
from federation.imaging.assessment import Tier
from federation.usefulness import avoided as domain
from federation.usefulness import outcomes
from federation.usefulness.report import UsefulnessReport
from gateway.context import HubInfo
from gateway.report_period import period
from gateway.schema.inputs import InputProblem, read_day
from gateway.schema.refusals import InvalidInput, NotAllowed

_MAX_DAYS = 3_700


@strawberry.type(description="Alerts by what became of them.")
class AlertTally:
    raised: int = strawberry.field(description="All alerts.")
    accepted: int = strawberry.field(description="The order was given up.")
    overridden: int = strawberry.field(description="The order stands.")
    ignored: int = strawberry.field(description="Nobody answered in time.")
    withdrawn: int = strawberry.field(description="What it was about fell away.")
    waiting: int = strawberry.field(description="Still open.")
    override_rate: float | None = strawberry.field(
        description="Overridden of those accepted, overridden or ignored, 0 to 1. Null without any."
    )

    @classmethod
    def from_domain(cls, tally: outcomes.Tally) -> AlertTally:
        """The same counts."""
        return cls(
            raised=tally.raised,
            accepted=tally.accepted,
            overridden=tally.overridden,
            ignored=tally.ignored,
            withdrawn=tally.withdrawn,
            waiting=tally.waiting,
            override_rate=tally.override_rate,
        )


@strawberry.type(description="Alerts of one tier.")
class TierTally:
    tier: Tier = strawberry.field(description="The tier.")
    tally: AlertTally = strawberry.field(description="Its alerts.")


@strawberry.type(description="Alerts of one site or orderer group.")
class NamedTally:
    name: str = strawberry.field(description="Site id or group; empty: orderers without a group.")
    tally: AlertTally = strawberry.field(description="Its alerts.")


@strawberry.type(description="Alerts in which one rule fired.")
class RuleTally:
    rule: str = strawberry.field(description="Code of the rule.")
    tally: AlertTally = strawberry.field(description="Its alerts.")
    is_to_demote: bool = strawberry.field(description="Overridden more than 85 % of the time over 200 firings or more.")


@strawberry.type(description="Overridden alerts of one reason.")
class ReasonCount:
    reason: OverrideReason | None = strawberry.field(description="Null: none was given.")
    count: int = strawberry.field(description="Alerts.")


@strawberry.type(description="Exams of one relative radiation level.")
class LevelCount:
    level: int = strawberry.field(description="0 (no ionising radiation) to 5.")
    exams: int = strawberry.field(description="Exams of children, and of people whose age is not known.")


@strawberry.type(description="What avoided exams would have cost, as the sites' own table says.")
class AvoidedCost:
    currency: str = strawberry.field(description="ISO 4217.")
    amount: str = strawberry.field(description="Sum, a decimal number in units of the currency.")
    exams: int = strawberry.field(description="Exams in the sum.")
    oldest_price_of: dt.date = strawberry.field(description="Day of the oldest price in the sum.")


@strawberry.type(
    description="Accepted alerts by what followed. Avoided: no exam of the same class in the 30 days after, and that "
    "is known from every site."
)
class AvoidedExams:
    avoided: int = strawberry.field(description="Exams that were avoided.")
    done_all_the_same: int = strawberry.field(description="An exam of the class was done all the same.")
    too_early: int = strawberry.field(description="The 30 days are not over.")
    not_known: int = strawberry.field(description="What a site said last is older than the 30 days.")
    adult_exams: int = strawberry.field(description="Avoided exams of adults with a typical dose.")
    low_msv: float = strawberry.field(description="Their typical dose, mSv, lower end.")
    high_msv: float = strawberry.field(description="Their typical dose, mSv, upper end.")
    children: list[LevelCount] = strawberry.field(description="Avoided exams of children by radiation level.")
    without_dose: int = strawberry.field(description="Avoided exams that the dose table does not know.")
    costs: list[AvoidedCost] = strawberry.field(description="By currency.")
    without_cost: int = strawberry.field(description="Avoided exams that the cost table does not know.")

    @classmethod
    def from_domain(cls, found: domain.AvoidedExams) -> AvoidedExams:
        """The same counts."""
        return cls(
            avoided=found.avoided,
            done_all_the_same=found.done_all_the_same,
            too_early=found.too_early,
            not_known=found.not_known,
            adult_exams=found.adult_exams,
            low_msv=found.low_msv,
            high_msv=found.high_msv,
            children=[LevelCount(level=level, exams=exams) for level, exams in found.by_level],
            without_dose=found.without_dose,
            costs=[
                AvoidedCost(
                    currency=cost.currency,
                    amount=f"{cost.amount:f}",
                    exams=cost.exam_count,
                    oldest_price_of=cost.oldest_price_of,
                )
                for cost in found.costs
            ],
            without_cost=found.without_cost,
        )


@strawberry.type(description="Overridden alerts by what followed in the 30 days after.")
class OverriddenExams:
    carried_out: int = strawberry.field(description="An exam of the class was done.")
    useful: int = strawberry.field(description="Of these: a later order was given up for the new exam.")
    not_carried_out: int = strawberry.field(description="None was done, and that is known from every site.")
    too_early: int = strawberry.field(description="The 30 days are not over.")
    not_known: int = strawberry.field(description="What a site said last is older than the 30 days.")


@strawberry.type(description="Do the alerts help?")
class AlertReport:
    since: dt.datetime = strawberry.field(description="Alerts raised from then on ...")
    until: dt.datetime = strawberry.field(description="... and before then.")
    as_of: dt.datetime = strawberry.field(description="When it was counted.")
    total: AlertTally = strawberry.field(description="All alerts.")
    by_tier: list[TierTally] = strawberry.field(description="Strongest tier first.")
    by_site: list[NamedTally] = strawberry.field(description="By ordering site.")
    by_orderer_group: list[NamedTally] = strawberry.field(description="By group of orderers, as the sites' table says.")
    by_rule: list[RuleTally] = strawberry.field(description="By rule; an alert counts under each that fired.")
    by_override_reason: list[ReasonCount] = strawberry.field(description="Most frequent first.")
    avoided: AvoidedExams = strawberry.field(description="What came of accepted alerts.")
    overridden: OverriddenExams = strawberry.field(description="What came of overridden alerts.")
    dose_table: str = strawberry.field(description="Version of the table of typical doses.")

    @classmethod
    def from_domain(cls, report: UsefulnessReport) -> AlertReport:
        """The same report."""
        counted = report.outcomes
        after = report.overridden
        return cls(
            since=report.since,
            until=report.until,
            as_of=report.as_of,
            total=AlertTally.from_domain(counted.total),
            by_tier=[TierTally(tier=tier, tally=AlertTally.from_domain(tally)) for tier, tally in counted.by_tier],
            by_site=_named(counted.by_site),
            by_orderer_group=_named(counted.by_orderer_group),
            by_rule=[
                RuleTally(rule=use.rule, tally=AlertTally.from_domain(use.tally), is_to_demote=use.is_to_demote)
                for use in counted.by_rule
            ],
            by_override_reason=[ReasonCount(reason=reason, count=n) for reason, n in counted.by_override_reason],
            avoided=AvoidedExams.from_domain(report.avoided),
            overridden=OverriddenExams(
                carried_out=after.carried_out,
                useful=after.useful,
                not_carried_out=after.not_carried_out,
                too_early=after.too_early,
                not_known=after.not_known,
            ),
            dose_table=report.dose_table,
        )


AlertReportResult: TypeAlias = Annotated[
    AlertReport | InvalidInput | NotAllowed,
    strawberry.union("AlertReportResult", description="The report, or why not."),
]


async def resolve_alert_report(info: HubInfo, since: str | None = None, until: str | None = None) -> AlertReportResult:
    """Count the alerts of a period."""
    resources = info.context.resources
    begin, end = period(read_day(since, "since"), read_day(until, "until"), resources.clock())
    if begin >= end:
        raise InputProblem("empty_interval", "until", "must be after since")
    if (end - begin).days > _MAX_DAYS:
        raise InputProblem("out_of_range", "since", f"must not be more than {_MAX_DAYS} days before until")
    return AlertReport.from_domain(await asyncio.to_thread(resources.usefulness, begin, end))


def _named(tallies: tuple[tuple[str, outcomes.Tally], ...]) -> list[NamedTally]:
    return [NamedTally(name=name, tally=AlertTally.from_domain(tally)) for name, tally in tallies]
