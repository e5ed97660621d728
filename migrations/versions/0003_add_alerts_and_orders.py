"""Add the events of alerts (append-only) and the orders that sites placed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(32)


def upgrade() -> None:
    create_alerts()
    create_orders()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER alert_event_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_event "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER alert_event_refuse_{verb.lower()} BEFORE {verb} ON alert_event "
                "BEGIN SELECT RAISE(ABORT, 'alert_event is append-only'); END"
            )


def create_alerts() -> None:
    op.create_table(
        "alert_event",
        sa.Column("alert_id", CODE, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("order_key", CODE, nullable=False),
        sa.Column("content_key", CODE, nullable=False),
        sa.Column("check_id", CODE, nullable=False),
        sa.Column("assigning_authority", CODE, nullable=False),
        sa.Column("local_patient_id", CODE, nullable=False),
        sa.Column("enterprise_id", CODE, nullable=True),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "sequence", name="pk_alert_event"),
    )
    for column in ("order_key", "content_key", "check_id", "enterprise_id", "changed_at"):
        op.create_index(f"ix_alert_event_{column}", "alert_event", [column])
    op.create_index("ix_alert_event_identifier", "alert_event", ["assigning_authority", "local_patient_id"])


def create_orders() -> None:
    op.create_table(
        "imaging_order",
        sa.Column("order_key", CODE, nullable=False),
        sa.Column("site_id", CODE, nullable=False),
        sa.Column("placer_order_number", CODE, nullable=True),
        sa.Column("filler_order_number", CODE, nullable=True),
        sa.Column("assigning_authority", CODE, nullable=False),
        sa.Column("local_patient_id", CODE, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("order_key", name="pk_imaging_order"),
    )
    op.create_index("ix_imaging_order_filler", "imaging_order", ["site_id", "filler_order_number"])
    op.create_index("ix_imaging_order_identifier", "imaging_order", ["assigning_authority", "local_patient_id"])
    op.create_index("ix_imaging_order_placer", "imaging_order", ["site_id", "placer_order_number"])
