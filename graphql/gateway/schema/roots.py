"""The two roots of the schema. Every field is guarded: permission before, audit after."""

from __future__ import annotations

import strawberry

from gateway.schema.access_reports import AccessReportResult, resolve_access_report
from gateway.schema.alert_queries import resolve_accept_alert, resolve_alerts, resolve_override_alert
from gateway.schema.alert_reports import AlertReportResult, resolve_alert_report
from gateway.schema.alerts import AlertsResult, AnswerAlertResult
from gateway.schema.audit_entries import AuditEventsResult, resolve_audit_events
from gateway.schema.consents import (
    BreakGlassResult,
    BrokenGlassesResult,
    ConsentsResult,
    RecordConsentResult,
    resolve_break_glass,
    resolve_broken_glasses,
    resolve_consents,
    resolve_record_consent,
)
from gateway.schema.field_histories import FieldHistoryResult, resolve_field_history
from gateway.schema.guard import Guarded
from gateway.schema.held_records import HeldRecordsResult, resolve_held_records
from gateway.schema.histories import ImagingHistoryResult, resolve_imaging_history
from gateway.schema.hub_status import HubStatusResult, resolve_hub_status
from gateway.schema.identity_decision_queries import (
    resolve_identity_decisions,
    resolve_link_records,
    resolve_merge_persons,
    resolve_release_held_record,
    resolve_say_different,
    resolve_split_person,
    resolve_undo_decision,
    resolve_unlink_record,
)
from gateway.schema.identity_decisions import IdentityDecisionResult, IdentityDecisionsResult, UndoDecisionResult
from gateway.schema.last_seen import LastSeenStudiesResult, resolve_last_seen_studies
from gateway.schema.order_checks import (
    CheckOrderResult,
    OrderCheckResult,
    resolve_check_order,
    resolve_order_check,
)
from gateway.schema.person_queries import resolve_person_field
from gateway.schema.person_searches import (
    CrossReferenceResult,
    SearchPersonsResult,
    resolve_cross_reference,
    resolve_search_persons,
)
from gateway.schema.persons import PersonResult
from gateway.schema.queue_summaries import ReviewQueueSummaryResult, resolve_review_queue_summary
from gateway.schema.review_qualities import ReviewQualityResult, resolve_review_quality
from gateway.schema.review_queries import (
    resolve_claim_review_item,
    resolve_decide_review_item,
    resolve_escalate_review_item,
    resolve_release_review_item,
    resolve_review_item,
    resolve_review_queue,
    resolve_take_back_escalation,
)
from gateway.schema.reviews import (
    ClaimReviewItemResult,
    DecideReviewItemResult,
    EscalateReviewItemResult,
    ReviewItemResult,
    ReviewQueueResult,
)
from gateway.schema.revocations import RevokeTokensResult, resolve_revoke_tokens
from gateway.schema.site_lists import SitesResult, resolve_sites

_CHECK_ORDER = (
    "Does this order repeat a scan that was already done, anywhere? The verdict is kept and audited. It stands under "
    "both roots and does the same: a client that only reads may ask it as a query."
)


_SEEN = (
    "expectedVersions are the versions of all persons concerned, as person shows them: whoever changed since is shown "
    "first. reason holds at most 500 characters."
)


@strawberry.type(description="Questions.")
class Query:
    imaging_history: ImagingHistoryResult = strawberry.field(
        resolver=resolve_imaging_history,
        extensions=[Guarded("imagingHistory")],
        description="One person's imaging across all sites. Name the person by patient or by enterpriseId. Every page "
        "asks the sites again; deadlineMs (100 to 30000) is how long to wait for them; first is 1 to 100.",
    )
    check_order: CheckOrderResult = strawberry.field(
        resolver=resolve_check_order, extensions=[Guarded("checkOrder")], description=_CHECK_ORDER
    )
    order_check: OrderCheckResult = strawberry.field(
        resolver=resolve_order_check,
        extensions=[Guarded("orderCheck")],
        description="The newest revision of a kept check: the verdict changes when the person's records do.",
    )
    alerts: AlertsResult = strawberry.field(
        resolver=resolve_alerts,
        extensions=[Guarded("alerts")],
        description="Alerts that fit all that is given, last changed first. Give at least one of patient, checkId and "
        "state; first is 1 to 100.",
    )
    person: PersonResult = strawberry.field(
        resolver=resolve_person_field,
        extensions=[Guarded("person")],
        description="Who is behind a number. Retired numbers lead to their survivor.",
    )
    search_persons: SearchPersonsResult = strawberry.field(
        resolver=resolve_search_persons,
        extensions=[Guarded("searchPersons")],
        description="Who may be meant by these numbers (at most 20) and this description, graded, best first. Retired "
        "numbers stand for their survivor. Nothing is stored but the audit entry; first is 1 to 100.",
    )
    cross_reference: CrossReferenceResult = strawberry.field(
        resolver=resolve_cross_reference,
        extensions=[Guarded("crossReference")],
        description="Under which numbers a person is known, retired ones among them. authorities null: of everybody; "
        "else registered authorities.",
    )
    review_queue: ReviewQueueResult = strawberry.field(
        resolver=resolve_review_queue,
        extensions=[Guarded("reviewQueue")],
        description="Open questions for records staff, most urgent first. first is 1 to 100; kinds null is every kind.",
    )
    review_queue_summary: ReviewQueueSummaryResult = strawberry.field(
        resolver=resolve_review_queue_summary,
        extensions=[Guarded("reviewQueueSummary")],
        description="How much waits for records staff and since when, by kind, source, score and rule.",
    )
    review_quality: ReviewQualityResult = strawberry.field(
        resolver=resolve_review_quality,
        extensions=[Guarded("reviewQuality")],
        description="How the queue was worked on in the last days (1 to 366): decisions by score, by day and clerk, "
        "those taken back, and how old what waits is.",
    )
    review_item: ReviewItemResult = strawberry.field(
        resolver=resolve_review_item, extensions=[Guarded("reviewItem")], description="One question, open or closed."
    )
    held_records: HeldRecordsResult = strawberry.field(
        resolver=resolve_held_records,
        extensions=[Guarded("heldRecords")],
        description="Records that staff hold because they may be two people's data. first is 1 to 100.",
    )
    field_history: FieldHistoryResult = strawberry.field(
        resolver=resolve_field_history,
        extensions=[Guarded("fieldHistory")],
        description="What hospitals said of patients before, field by field, for 1 to 100 of their numbers.",
    )
    last_seen_studies: LastSeenStudiesResult = strawberry.field(
        resolver=resolve_last_seen_studies,
        extensions=[Guarded("lastSeenStudies")],
        description="Which examinations lie under 1 to 100 numbers, as the hospitals last said, for those who join or "
        "part records: imaging follows them. No archive is asked.",
    )
    identity_decisions: IdentityDecisionsResult = strawberry.field(
        resolver=resolve_identity_decisions,
        extensions=[Guarded("identityDecisions")],
        description="What records staff decided about a person's records, those undone among them, newest first. "
        "Name the person by patient or by enterpriseId; first is 1 to 100.",
    )
    sites: SitesResult = strawberry.field(
        resolver=resolve_sites,
        extensions=[Guarded("sites")],
        description="The hospitals that take part. With check each archive is asked now (up to 3 seconds).",
    )
    alert_report: AlertReportResult = strawberry.field(
        resolver=resolve_alert_report,
        extensions=[Guarded("alertReport")],
        description="Do the alerts help? Counts of the alerts that were raised from the day since on and before the "
        "day until (YYYY-MM-DD, UTC); without them the last 90 days. Names no patient.",
    )
    audit_events: AuditEventsResult = strawberry.field(
        resolver=resolve_audit_events,
        extensions=[Guarded("auditEvents")],
        description="Entries of the audit log that fit the filter, newest first. first is 1 to 500.",
    )
    access_report: AccessReportResult = strawberry.field(
        resolver=resolve_access_report,
        extensions=[Guarded("accessReport")],
        description="Who looked at this patient, and who changed something about them. Name the patient by patient or "
        "by enterpriseId; first is 1 to 100.",
    )

    hub_status: HubStatusResult = strawberry.field(
        resolver=resolve_hub_status,
        extensions=[Guarded("hubStatus")],
        description="Versions of match model and rule-set, who sends messages, and what waits for the workers.",
    )
    consents: ConsentsResult = strawberry.field(
        resolver=resolve_consents,
        extensions=[Guarded("consents")],
        description="What is kept of a person's consent, for records staff and the privacy officer.",
    )
    broken_glasses: BrokenGlassesResult = strawberry.field(
        resolver=resolve_broken_glasses,
        extensions=[Guarded("brokenGlasses")],
        description="Looks past consent, newest first, for the privacy officer. first is 1 to 100.",
    )


@strawberry.type(description="Changes.")
class Mutation:
    check_order: CheckOrderResult = strawberry.field(
        resolver=resolve_check_order, extensions=[Guarded("checkOrder")], description=_CHECK_ORDER
    )
    record_consent: RecordConsentResult = strawberry.field(
        resolver=resolve_record_consent,
        extensions=[Guarded("recordConsent")],
        description="Keep what a person said of sharing. Nothing is ever changed: PERMIT takes a DENY back. target is "
        "a site id or a study class, empty for EVERYTHING. Saying it again changes nothing.",
    )
    break_glass: BreakGlassResult = strawberry.field(
        resolver=resolve_break_glass,
        extensions=[Guarded("breakGlass")],
        description="Look past consent at one person for 5 to 60 minutes, in an emergency. reason holds 10 to 500 "
        "characters. Each use is on record, and the privacy officer is told.",
    )
    revoke_tokens: RevokeTokensResult = strawberry.field(
        resolver=resolve_revoke_tokens,
        extensions=[Guarded("revokeTokens")],
        description="Take back every token that a subject (sub) was given so far, or the one with an id (jti). What is "
        "given afterwards is good: stop the subject at the issuer, too.",
    )
    accept_alert: AnswerAlertResult = strawberry.field(
        resolver=resolve_accept_alert,
        extensions=[Guarded("acceptAlert")],
        description="The order is given up for the prior. Saying it again changes nothing.",
    )
    override_alert: AnswerAlertResult = strawberry.field(
        resolver=resolve_override_alert,
        extensions=[Guarded("overrideAlert")],
        description="The order stands. This prior never alerts for this order again. comment holds at most 500 "
        "characters.",
    )
    decide_review_item: DecideReviewItemResult = strawberry.field(
        resolver=resolve_decide_review_item,
        extensions=[Guarded("decideReviewItem")],
        description="Answer a question of the review queue. What staff decide outranks every score and message. "
        "reason holds at most 500 characters. POSSIBLE_OVERLAY needs a reason and the suspected record: it is held "
        "until staff release it.",
    )
    claim_review_item: ClaimReviewItemResult = strawberry.field(
        resolver=resolve_claim_review_item,
        extensions=[Guarded("claimReviewItem")],
        description="Take a question on, so that two do not work on it at once. minutes is 1 to 480; a claim that ran "
        "out binds nobody, and claiming again renews one's own.",
    )
    release_review_item: ClaimReviewItemResult = strawberry.field(
        resolver=resolve_release_review_item,
        extensions=[Guarded("releaseReviewItem")],
        description="Give a question back that one had claimed.",
    )
    escalate_review_item: EscalateReviewItemResult = strawberry.field(
        resolver=resolve_escalate_review_item,
        extensions=[Guarded("escalateReviewItem")],
        description="Hand a question to somebody senior. It stays open and as urgent as it was; one's claim ends.",
    )
    take_back_escalation: EscalateReviewItemResult = strawberry.field(
        resolver=resolve_take_back_escalation,
        extensions=[Guarded("takeBackEscalation")],
        description="An escalated question is everybody's again.",
    )
    link_records: IdentityDecisionResult = strawberry.field(
        resolver=resolve_link_records,
        extensions=[Guarded("linkRecords")],
        description="Two records are one person, and so are all others of their two persons; the enterprise id of "
        f"right's person stays. {_SEEN}",
    )
    unlink_record: IdentityDecisionResult = strawberry.field(
        resolver=resolve_unlink_record,
        extensions=[Guarded("unlinkRecord")],
        description=f"A record leaves its person, and no score or message brings it back. {_SEEN}",
    )
    release_held_record: IdentityDecisionResult = strawberry.field(
        resolver=resolve_release_held_record,
        extensions=[Guarded("releaseHeldRecord")],
        description=f"A record that staff held is matched again, as if it had come just now. {_SEEN}",
    )
    say_different: IdentityDecisionResult = strawberry.field(
        resolver=resolve_say_different,
        extensions=[Guarded("sayDifferent")],
        description=f"Two records are never one person. If they are now, they are parted. {_SEEN}",
    )
    merge_persons: IdentityDecisionResult = strawberry.field(
        resolver=resolve_merge_persons,
        extensions=[Guarded("mergePersons")],
        description=f"Two persons are one. The id of subsumed leads to survivor from then on. {_SEEN}",
    )
    split_person: IdentityDecisionResult = strawberry.field(
        resolver=resolve_split_person,
        extensions=[Guarded("splitPerson")],
        description="A person is two: the records in leaving (1 to 100) become a new person, the others keep the "
        f"enterprise id. {_SEEN}",
    )
    undo_decision: UndoDecisionResult = strawberry.field(
        resolver=resolve_undo_decision,
        extensions=[Guarded("undoDecision")],
        description="Take a decision back: both sides are as they were, but for what sites said since. Later decisions "
        "about the same records must be undone first.",
    )
