"""Create the study index (what each site last said of an identifier) and what is known of the sites themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0010"
branch_labels = None
depends_on = None

CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "study_index",
        sa.Column("site_id", CODE, nullable=False),
        sa.Column("assigning_authority", CODE, nullable=False),
        sa.Column("local_patient_id", CODE, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "assigning_authority", "local_patient_id", name="pk_study_index"),
    )
    op.create_index("ix_study_index_identifier", "study_index", ["assigning_authority", "local_patient_id"])
    op.create_table(
        "site_report",
        sa.Column("site_id", CODE, nullable=False),
        sa.Column("kind", CODE, nullable=False),
        sa.Column("reported_at", INSTANT, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "kind", name="pk_site_report"),
    )
