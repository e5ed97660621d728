"""Add the decision that holds a record which may be two people's data."""

import sqlalchemy as sa
from alembic import op

CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")

revision = "0028"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source_record", sa.Column("hold_decision_id", CODE, nullable=True))
    op.create_index(
        "ix_source_record_held",
        "source_record",
        ["assigning_authority", "local_patient_id"],
        postgresql_where=sa.text("hold_decision_id IS NOT NULL"),
        sqlite_where=sa.text("hold_decision_id IS NOT NULL"),
    )
