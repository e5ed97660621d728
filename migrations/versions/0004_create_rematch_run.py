"""Create the table that remembers how far a re-match of the index has come."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "rematch_run",
        sa.Column("model_version", CODE, nullable=False),
        sa.Column("last_authority", CODE, nullable=True),
        sa.Column("last_local_patient_id", CODE, nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("model_version", name="pk_rematch_run"),
    )
