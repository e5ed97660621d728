"""Does an order repeat a scan that was already done?"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Annotated, TypeAlias

import strawberry

from federation.errors import InvalidOrder
from federation.imaging import assessment as domain
from federation.imaging import order_checks
from federation.imaging.assessment import Relation, Tier
from federation.imaging.relevance import rank_priors
from federation.sites.directory import SiteDirectory
from federation.usecases.check_order import CheckedOrder
from gateway.context import HubInfo
from gateway.errors import AccessRefused
from gateway.loaders import load_order_check
from gateway.permissions import SITE_NOT_YOURS
from gateway.resources import HubResources
from gateway.schema.coverage import SiteCoverage, coverage_list
from gateway.schema.inputs import ImagingOrderInput, InputProblem, read_deadline, read_order, read_text
from gateway.schema.procedures import Procedure
from gateway.schema.refusals import InvalidInput, NotAllowed, OrderCheckNotFound, PatientNotFound
from gateway.schema.studies import PriorStudy

RULES = "Codes of the rules that fired."
REASONS = "The same rules in plain words, in the same order."


@strawberry.type(description="What the rules say of one prior.")
class PriorVerdict:
    study_instance_uid: str = strawberry.field(description="The prior.")
    tier: Tier = strawberry.field(description="How strong the alert for this prior is.")
    relation: Relation = strawberry.field(description="How it answers the order.")
    rules: list[str] = strawberry.field(description=RULES)
    reasons: list[str] = strawberry.field(description=REASONS)
    age_days: float | None = strawberry.field(description="Age at the time of the order, days. Null: undated.")
    study: PriorStudy | None = strawberry.field(
        description="The prior itself. Null when a kept check is read again: it keeps verdicts, not studies."
    )

    @classmethod
    def from_domain(cls, verdict: domain.PriorVerdict, known: Mapping[str, PriorStudy]) -> PriorVerdict:
        """The same verdict, with the study where it is at hand."""
        return cls(
            study_instance_uid=verdict.prior_id,
            tier=verdict.tier,
            relation=verdict.relation,
            rules=[rule.code for rule in verdict.rules],
            reasons=[rule.reason for rule in verdict.rules],
            age_days=verdict.age_days,
            study=known.get(verdict.prior_id),
        )


@strawberry.type(description="The verdict on an order. It is advice: nothing is blocked.")
class OrderCheck:
    check_id: strawberry.ID = strawberry.field(description="Names the check; see orderCheck for later revisions.")
    revision: int = strawberry.field(description="1 is the first verdict; a later one replaces it.")
    tier: Tier = strawberry.field(description="How strongly the order should be reconsidered.")
    best: PriorVerdict | None = strawberry.field(description="The strongest prior. Null: no prior raises an alert.")
    relation: Relation = strawberry.field(description="How the best prior, or the nearest miss, answers the order.")
    rules: list[str] = strawberry.field(description=RULES)
    reasons: list[str] = strawberry.field(description=REASONS)
    verdicts: list[PriorVerdict] = strawberry.field(description="Every prior with its verdict, strongest first.")
    priors: list[PriorStudy] | None = strawberry.field(
        description="The person's studies, newest first, ranked for the order. Null when a kept check is read again."
    )
    coverage: list[SiteCoverage] = strawberry.field(description="What each site did, every site once.")
    complete: bool = strawberry.field(
        description="True only when every site answered in full. Otherwise a repeat may have gone unseen."
    )
    identity_under_review: bool = strawberry.field(
        description="Records that may be this person wait for records staff; they neither raised nor silenced an alert."
    )
    rule_set: str = strawberry.field(description="Name of the rules that judged.")
    procedure: Procedure = strawberry.field(description="What was ordered, as it was understood.")
    enterprise_id: strawberry.ID | None = strawberry.field(description="The person the order is for.")
    checked_at: dt.datetime = strawberry.field(description="When this revision was judged.")
    alert_id: strawberry.ID | None = strawberry.field(
        description="The order's alert, to be accepted or overridden. Null: none, or a kept check is read again (ask "
        "alerts with its checkId)."
    )

    @classmethod
    def from_domain(
        cls,
        check: order_checks.OrderCheck,
        directory: SiteDirectory,
        priors: list[PriorStudy] | None = None,
        alert_id: str | None = None,
    ) -> OrderCheck:
        """One revision of a check; ``priors`` only when it was judged just now."""
        verdict = check.assessment
        known = {prior.study_instance_uid: prior for prior in priors or ()}
        return cls(
            check_id=strawberry.ID(check.check_id),
            revision=check.revision,
            tier=verdict.tier,
            best=None if verdict.best is None else PriorVerdict.from_domain(verdict.best, known),
            relation=verdict.relation,
            rules=[rule.code for rule in verdict.explanation],
            reasons=[rule.reason for rule in verdict.explanation],
            verdicts=[PriorVerdict.from_domain(one, known) for one in verdict.verdicts],
            priors=priors,
            coverage=coverage_list(check.coverage, directory),
            complete=check.coverage.is_complete,
            identity_under_review=check.identity_under_review,
            rule_set=verdict.rule_set,
            procedure=Procedure.from_domain(check.order.procedure),
            enterprise_id=None if check.enterprise_id is None else strawberry.ID(check.enterprise_id),
            checked_at=check.checked_at,
            alert_id=None if alert_id is None else strawberry.ID(alert_id),
        )

    def audit_subjects(self) -> tuple[str, ...]:
        """Whom the answer is about."""
        return () if self.enterprise_id is None else (self.enterprise_id,)


CheckOrderResult: TypeAlias = Annotated[
    OrderCheck | PatientNotFound | InvalidInput | NotAllowed,
    strawberry.union("CheckOrderResult", description="A verdict, or why there is none."),
]
OrderCheckResult: TypeAlias = Annotated[
    OrderCheck | OrderCheckNotFound | InvalidInput | NotAllowed,
    strawberry.union("OrderCheckResult", description="A kept verdict, or why there is none."),
]


async def resolve_check_order(
    info: HubInfo, order: ImagingOrderInput, deadline_ms: int | None = None
) -> CheckOrderResult:
    """Judge an order and keep the verdict."""
    resources = info.context.resources
    deadline_seconds = read_deadline(deadline_ms, resources.default_deadline_seconds)
    imaging_order = read_order(order, resources)
    sites = info.context.caller.sites
    if sites is not None and imaging_order.ordering_site not in sites:
        raise AccessRefused(SITE_NOT_YOURS)
    try:
        checked = await resources.check_order(
            imaging_order,
            checked_by=info.context.caller.subject,
            deadline_seconds=deadline_seconds,
            viewer=info.context.viewer("checkOrder"),
        )
    except InvalidOrder:
        raise InputProblem("invalid_order", "order", "cannot be judged") from None
    info.context.metrics.count_sites(checked.history.coverage)
    alert_id = None if checked.alert is None else checked.alert.alert_id
    return OrderCheck.from_domain(checked.check, resources.directory, _priors(checked, resources), alert_id)


async def resolve_order_check(info: HubInfo, check_id: strawberry.ID) -> OrderCheckResult:
    """The newest revision of a kept check."""
    resources = info.context.resources
    check = await asyncio.to_thread(
        load_order_check, resources, info.context.viewer("orderCheck"), read_text(check_id, "checkId")
    )
    return OrderCheckNotFound() if check is None else OrderCheck.from_domain(check, resources.directory)


def _priors(checked: CheckedOrder, resources: HubResources) -> list[PriorStudy]:
    order, found = checked.check.order, checked.history.studies
    pairs = zip(found, rank_priors(order.procedure, order.requested_at, found, resources.rules), strict=True)
    return [PriorStudy.from_domain(study, relevance) for study, relevance in pairs]
