"""The tables. A person has none: it is the set of active source records with one enterprise id.

How they come to be (and the triggers that keep the append-only ones so) is in ``migrations``.
"""

from __future__ import annotations

import sqlalchemy as sa

from adapters.store.columns import Code, Identity, UtcInstant, by_name
from federation.changes import ChangeKind
from federation.imaging.alerts import AlertState
from federation.imaging.placed_orders import OrderStatus
from federation.sites.consent import ConsentEffect, ConsentScope
from mpi.audit import AuditOutcome
from mpi.caller_revocations import RevokedKind
from mpi.identity.decisions import DecisionKind
from mpi.identity.records import LinkSource, MatchGrade, RecordStatus
from mpi.identity.review import ReviewDecision, ReviewKind, ReviewStatus

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

source_record = sa.Table(
    "source_record",
    metadata,
    sa.Column("record_id", Identity, primary_key=True),
    sa.Column("assigning_authority", Code, nullable=False),
    sa.Column("local_patient_id", Code, nullable=False),
    sa.Column("site_id", Code, nullable=False),
    sa.Column("status", by_name(RecordStatus), nullable=False),
    sa.Column("enterprise_id", Code, index=True),
    sa.Column("link_source", by_name(LinkSource)),
    sa.Column("match_grade", by_name(MatchGrade)),
    sa.Column("linked_at", UtcInstant),
    sa.Column("match_weight", sa.Float),
    sa.Column("model_version", sa.String),
    sa.Column("surviving_authority", Code),
    sa.Column("surviving_local_patient_id", Code),
    sa.Column("demographics", sa.JSON, nullable=False),
    sa.Column("demographics_at", UtcInstant, nullable=False),
    sa.Column("asserted_identifiers", sa.JSON, nullable=False),
    sa.Column("hold_decision_id", Code),
    sa.UniqueConstraint("assigning_authority", "local_patient_id", name="uq_source_record_identifier"),
    sa.CheckConstraint("(status = 'RETIRED') = (enterprise_id IS NULL)", name="linked_unless_retired"),
    sa.Index("ix_source_record_survivor", "surviving_authority", "surviving_local_patient_id"),
    sa.Index(
        "ix_source_record_held",
        "assigning_authority",
        "local_patient_id",
        postgresql_where=sa.text("hold_decision_id IS NOT NULL"),
        sqlite_where=sa.text("hold_decision_id IS NOT NULL"),
    ),
)

blocking_key = sa.Table(
    "blocking_key",
    metadata,
    sa.Column("key", Code, primary_key=True),
    sa.Column(
        "record_id",
        Identity,
        sa.ForeignKey("source_record.record_id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)

record_history = sa.Table(
    "record_history",
    metadata,
    sa.Column("history_id", Identity, primary_key=True),
    sa.Column("assigning_authority", Code, nullable=False),
    sa.Column("local_patient_id", Code, nullable=False),
    sa.Column("kind", Code, nullable=False),
    sa.Column("at", UtcInstant, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("enterprise_id", Code),
    sa.Column("detail", sa.String, nullable=False),
    sa.Column("demographics", sa.JSON(none_as_null=True)),
    sa.Column("deleted", sa.JSON(none_as_null=True)),
    sa.Index("ix_record_history_identifier", "assigning_authority", "local_patient_id", "at"),
)

review_item = sa.Table(
    "review_item",
    metadata,
    sa.Column("review_item_id", Code, primary_key=True),
    sa.Column("kind", by_name(ReviewKind), nullable=False),
    sa.Column("left_authority", Code, nullable=False),
    sa.Column("left_local_patient_id", Code, nullable=False),
    sa.Column("right_authority", Code, nullable=False),
    sa.Column("right_local_patient_id", Code, nullable=False),
    sa.Column("opened_at", UtcInstant, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("status", by_name(ReviewStatus), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("match_probability", sa.Float),
    sa.Column("model_version", sa.String),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("guards", sa.JSON, nullable=False),
    sa.Column("decision", by_name(ReviewDecision)),
    sa.Column("decided_by", sa.String),
    sa.Column("decided_at", UtcInstant),
    sa.Column("decision_reason", sa.String),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("claimed_by", sa.String),
    sa.Column("claimed_until", UtcInstant),
    sa.Column("escalated_by", sa.String),
    sa.Column("escalated_at", UtcInstant),
    sa.Column("escalation_reason", sa.String),
    sa.Index("ix_review_item_queue", "status", "priority", "score"),
    sa.Index("ix_review_item_left", "left_authority", "left_local_patient_id"),
    sa.Index("ix_review_item_right", "right_authority", "right_local_patient_id"),
)

never_link = sa.Table(
    "never_link",
    metadata,
    sa.Column("left_authority", Code, primary_key=True),
    sa.Column("left_local_patient_id", Code, primary_key=True),
    sa.Column("right_authority", Code, primary_key=True),
    sa.Column("right_local_patient_id", Code, primary_key=True),
    sa.Column("said_by", sa.String, nullable=False),
    sa.Column("said_at", UtcInstant, nullable=False),
    sa.Index("ix_never_link_right", "right_authority", "right_local_patient_id"),
)

always_link = sa.Table(
    "always_link",
    metadata,
    sa.Column("left_authority", Code, primary_key=True),
    sa.Column("left_local_patient_id", Code, primary_key=True),
    sa.Column("right_authority", Code, primary_key=True),
    sa.Column("right_local_patient_id", Code, primary_key=True),
    sa.Column("link_source", by_name(LinkSource), nullable=False),
    sa.Column("said_by", sa.String, nullable=False),
    sa.Column("said_at", UtcInstant, nullable=False),
    sa.Index("ix_always_link_right", "right_authority", "right_local_patient_id"),
)

identity_decision = sa.Table(
    "identity_decision",
    metadata,
    sa.Column("decision_number", Identity, primary_key=True),
    sa.Column("decision_id", Code, nullable=False),
    sa.Column("kind", by_name(DecisionKind), nullable=False),
    sa.Column("decided_by", sa.String, nullable=False),
    sa.Column("decided_at", UtcInstant, nullable=False),
    sa.Column("undone_at", UtcInstant),
    sa.Column("content", sa.JSON, nullable=False),
    sa.UniqueConstraint("decision_id", name="uq_identity_decision_decision_id"),
)

decided_record = sa.Table(
    "decided_record",
    metadata,
    sa.Column(
        "decision_id",
        Code,
        sa.ForeignKey("identity_decision.decision_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("assigning_authority", Code, primary_key=True),
    sa.Column("local_patient_id", Code, primary_key=True),
    sa.Index("ix_decided_record_identifier", "assigning_authority", "local_patient_id"),
)

person_redirect = sa.Table(
    "person_redirect",
    metadata,
    sa.Column("enterprise_id", Code, primary_key=True),
    sa.Column("into_enterprise_id", Code, nullable=False),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("sender", Code, primary_key=True),
    sa.Column("message_control_id", Code, primary_key=True),
    sa.Column("content_hash", Code, primary_key=True),
    sa.Column("acknowledgement", sa.LargeBinary, nullable=False),
    sa.Column("received_at", UtcInstant, nullable=False, index=True),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("outbox_id", Identity, primary_key=True),
    sa.Column("kind", Code, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("enqueued_at", UtcInstant),
    sa.Column("done_at", UtcInstant),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Index(
        "ix_outbox_waiting",
        "outbox_id",
        postgresql_where=sa.text("done_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL"),
    ),
    sqlite_autoincrement=True,  # a number still in a queue must never name another row
)

audit_event = sa.Table(
    "audit_event",
    metadata,
    sa.Column("audit_id", Identity, primary_key=True, autoincrement=False),
    sa.Column("at", UtcInstant, nullable=False, index=True),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("action", Code, nullable=False),
    sa.Column("outcome", by_name(AuditOutcome), nullable=False),
    sa.Column("subject", Code, index=True),
    sa.Column("purpose_of_use", sa.String, nullable=False),
    sa.Column("correlation_id", sa.String, nullable=False),
    sa.Column("detail", sa.String, nullable=False),
    sa.Column("chain_hash", sa.LargeBinary, nullable=False),
)

answered_request = sa.Table(
    "answered_request",
    metadata,
    sa.Column("caller", Code, primary_key=True),
    sa.Column("request_key", Code, primary_key=True),
    sa.Column("request_hash", Code, nullable=False),
    sa.Column("claimed_at", UtcInstant, nullable=False, index=True),
    sa.Column("answer", sa.LargeBinary),
)

audit_anchor = sa.Table(
    "audit_anchor",
    metadata,
    sa.Column("number", Identity, primary_key=True, autoincrement=False),
    sa.Column("chain_hash", sa.LargeBinary, nullable=False),
    sa.Column("pruned_at", UtcInstant, nullable=False),
)

order_check = sa.Table(
    "order_check",
    metadata,
    sa.Column("check_id", Code, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("assigning_authority", Code, nullable=False),
    sa.Column("local_patient_id", Code, nullable=False),
    sa.Column("enterprise_id", Code, index=True),
    sa.Column("checked_at", UtcInstant, nullable=False, index=True),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Index("ix_order_check_identifier", "assigning_authority", "local_patient_id"),
)

alert_event = sa.Table(
    "alert_event",
    metadata,
    sa.Column("alert_id", Code, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("state", by_name(AlertState), nullable=False),
    sa.Column("order_key", Code, nullable=False, index=True),
    sa.Column("content_key", Code, nullable=False, index=True),
    sa.Column("check_id", Code, nullable=False, index=True),
    sa.Column("assigning_authority", Code, nullable=False),
    sa.Column("local_patient_id", Code, nullable=False),
    sa.Column("enterprise_id", Code, index=True),
    sa.Column("changed_at", UtcInstant, nullable=False, index=True),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Index("ix_alert_event_identifier", "assigning_authority", "local_patient_id"),
)

imaging_order = sa.Table(
    "imaging_order",
    metadata,
    sa.Column("order_key", Code, primary_key=True),
    sa.Column("site_id", Code, nullable=False),
    sa.Column("placer_order_number", Code),
    sa.Column("filler_order_number", Code),
    sa.Column("assigning_authority", Code, nullable=False),
    sa.Column("local_patient_id", Code, nullable=False),
    sa.Column("status", by_name(OrderStatus), nullable=False),
    sa.Column("changed_at", UtcInstant, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Index("ix_imaging_order_filler", "site_id", "filler_order_number"),
    sa.Index("ix_imaging_order_identifier", "assigning_authority", "local_patient_id"),
    sa.Index("ix_imaging_order_placer", "site_id", "placer_order_number"),
)

consent_directive = sa.Table(
    "consent_directive",
    metadata,
    sa.Column("directive_number", Identity, primary_key=True),
    sa.Column("directive_id", Code, nullable=False),
    sa.Column("assigning_authority", Code, nullable=False),
    sa.Column("local_patient_id", Code, nullable=False),
    sa.Column("scope", by_name(ConsentScope), nullable=False),
    sa.Column("target", Code, nullable=False),
    sa.Column("effect", by_name(ConsentEffect), nullable=False),
    sa.Column("recorded_at", UtcInstant, nullable=False),
    sa.Column("recorded_by", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Index("ix_consent_directive_identifier", "assigning_authority", "local_patient_id"),
    sa.Index("ix_consent_directive_id", "directive_id"),
)

broken_glass = sa.Table(
    "broken_glass",
    metadata,
    sa.Column("glass_number", Identity, primary_key=True),
    sa.Column("glass_id", Code, nullable=False),
    sa.Column("enterprise_id", Code, nullable=False),
    sa.Column("identifiers", sa.JSON, nullable=False),
    sa.Column("caller", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("opened_at", UtcInstant, nullable=False),
    sa.Column("expires_at", UtcInstant, nullable=False),
    sa.UniqueConstraint("glass_id", name="uq_broken_glass_glass_id"),
    sa.Index("ix_broken_glass_person", "enterprise_id", "expires_at"),
)

revoked_token = sa.Table(
    "revoked_token",
    metadata,
    sa.Column("revocation_number", Identity, primary_key=True),
    sa.Column("kind", by_name(RevokedKind), nullable=False),
    sa.Column("value", Code, nullable=False),
    sa.Column("revoked_at", UtcInstant, nullable=False),
    sa.Column("revoked_by", sa.String, nullable=False),
    sa.Column("until", UtcInstant, nullable=False, index=True),
)

rematch_run = sa.Table(
    "rematch_run",
    metadata,
    sa.Column("model_version", Code, primary_key=True),
    sa.Column("last_authority", Code),
    sa.Column("last_local_patient_id", Code),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("started_at", UtcInstant, nullable=False),
    sa.Column("finished_at", UtcInstant),
)

change_log = sa.Table(
    "change_log",
    metadata,
    sa.Column("number", Identity, primary_key=True),
    sa.Column("kind", by_name(ChangeKind), nullable=False),
    sa.Column("key", Code, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sqlite_autoincrement=True,  # who listens goes on after a number, so no number may come twice
)

study_index = sa.Table(
    "study_index",
    metadata,
    sa.Column("site_id", Code, primary_key=True),
    sa.Column("assigning_authority", Code, primary_key=True),
    sa.Column("local_patient_id", Code, primary_key=True),
    sa.Column("as_of", UtcInstant, nullable=False),
    sa.Column("is_complete", sa.Boolean, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Index("ix_study_index_identifier", "assigning_authority", "local_patient_id"),
)

site_report = sa.Table(
    "site_report",
    metadata,
    sa.Column("site_id", Code, primary_key=True),
    sa.Column("kind", Code, primary_key=True),
    sa.Column("reported_at", UtcInstant, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
)
