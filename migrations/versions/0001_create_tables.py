"""Create the tables, and make audit, history and order checks append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(32)
APPEND_ONLY = ("audit_event", "record_history", "order_check")


def upgrade() -> None:
    create_records()
    create_reviews()
    create_messages()
    create_audit()
    create_order_checks()
    if op.get_bind().dialect.name == "postgresql":
        refuse_changes_on_postgresql()
    else:
        refuse_changes_on_sqlite()


def create_records() -> None:
    op.create_table(
        "record_history",
        sa.Column("history_id", IDENTITY, nullable=False),
        sa.Column("assigning_authority", CODE, nullable=False),
        sa.Column("local_patient_id", CODE, nullable=False),
        sa.Column("kind", CODE, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("enterprise_id", CODE, nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("demographics", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("history_id", name="pk_record_history"),
    )
    op.create_index("ix_record_history_identifier", "record_history", ["assigning_authority", "local_patient_id", "at"])
    op.create_table(
        "source_record",
        sa.Column("record_id", IDENTITY, nullable=False),
        sa.Column("assigning_authority", CODE, nullable=False),
        sa.Column("local_patient_id", CODE, nullable=False),
        sa.Column("site_id", CODE, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("enterprise_id", CODE, nullable=True),
        sa.Column("link_source", NAME, nullable=True),
        sa.Column("match_grade", NAME, nullable=True),
        sa.Column("linked_at", INSTANT, nullable=True),
        sa.Column("match_weight", sa.Float(), nullable=True),
        sa.Column("model_version", sa.String(), nullable=True),
        sa.Column("surviving_authority", CODE, nullable=True),
        sa.Column("surviving_local_patient_id", CODE, nullable=True),
        sa.Column("demographics", sa.JSON(), nullable=False),
        sa.Column("demographics_at", INSTANT, nullable=False),
        sa.Column("asserted_identifiers", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "(status = 'RETIRED') = (enterprise_id IS NULL)", name=op.f("ck_source_record_linked_unless_retired")
        ),
        sa.PrimaryKeyConstraint("record_id", name="pk_source_record"),
        sa.UniqueConstraint("assigning_authority", "local_patient_id", name="uq_source_record_identifier"),
    )
    op.create_index("ix_source_record_enterprise_id", "source_record", ["enterprise_id"])
    op.create_index("ix_source_record_survivor", "source_record", ["surviving_authority", "surviving_local_patient_id"])
    op.create_table(
        "blocking_key",
        sa.Column("key", CODE, nullable=False),
        sa.Column("record_id", IDENTITY, nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["source_record.record_id"],
            name="fk_blocking_key_record_id_source_record",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", "record_id", name="pk_blocking_key"),
    )
    op.create_index("ix_blocking_key_record_id", "blocking_key", ["record_id"])


def create_reviews() -> None:
    op.create_table(
        "never_link",
        sa.Column("left_authority", CODE, nullable=False),
        sa.Column("left_local_patient_id", CODE, nullable=False),
        sa.Column("right_authority", CODE, nullable=False),
        sa.Column("right_local_patient_id", CODE, nullable=False),
        sa.Column("said_by", sa.String(), nullable=False),
        sa.Column("said_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint(
            "left_authority", "left_local_patient_id", "right_authority", "right_local_patient_id", name="pk_never_link"
        ),
    )
    op.create_index("ix_never_link_right", "never_link", ["right_authority", "right_local_patient_id"])
    op.create_table(
        "review_item",
        sa.Column("review_item_id", CODE, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("left_authority", CODE, nullable=False),
        sa.Column("left_local_patient_id", CODE, nullable=False),
        sa.Column("right_authority", CODE, nullable=False),
        sa.Column("right_local_patient_id", CODE, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("match_probability", sa.Float(), nullable=True),
        sa.Column("model_version", sa.String(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("guards", sa.JSON(), nullable=False),
        sa.Column("decision", NAME, nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("review_item_id", name="pk_review_item"),
    )
    op.create_index("ix_review_item_left", "review_item", ["left_authority", "left_local_patient_id"])
    op.create_index("ix_review_item_queue", "review_item", ["status", "priority", "score"])
    op.create_index("ix_review_item_right", "review_item", ["right_authority", "right_local_patient_id"])


def create_messages() -> None:
    op.create_table(
        "inbox",
        sa.Column("sender", CODE, nullable=False),
        sa.Column("message_control_id", CODE, nullable=False),
        sa.Column("content_hash", CODE, nullable=False),
        sa.Column("acknowledgement", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("sender", "message_control_id", "content_hash", name="pk_inbox"),
    )
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"])
    op.create_table(
        "outbox",
        sa.Column("outbox_id", IDENTITY, nullable=False),
        sa.Column("kind", CODE, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("enqueued_at", INSTANT, nullable=True),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("outbox_id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["outbox_id"],
        postgresql_where=sa.text("done_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL"),
    )


def create_audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("audit_id", IDENTITY, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("action", CODE, nullable=False),
        sa.Column("outcome", NAME, nullable=False),
        sa.Column("subject", CODE, nullable=True),
        sa.Column("purpose_of_use", sa.String(), nullable=False),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at"])
    op.create_index("ix_audit_event_subject", "audit_event", ["subject"])


def create_order_checks() -> None:
    op.create_table(
        "order_check",
        sa.Column("check_id", CODE, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("assigning_authority", CODE, nullable=False),
        sa.Column("local_patient_id", CODE, nullable=False),
        sa.Column("enterprise_id", CODE, nullable=True),
        sa.Column("checked_at", INSTANT, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("check_id", "revision", name="pk_order_check"),
    )
    op.create_index("ix_order_check_checked_at", "order_check", ["checked_at"])
    op.create_index("ix_order_check_enterprise_id", "order_check", ["enterprise_id"])
    op.create_index("ix_order_check_identifier", "order_check", ["assigning_authority", "local_patient_id"])


def refuse_changes_on_sqlite() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def refuse_changes_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
