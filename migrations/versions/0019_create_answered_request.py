"""Create the table of answers that are given again when a client repeats a request with its key."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0009"
branch_labels = None
depends_on = None

CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "answered_request",
        sa.Column("caller", CODE, nullable=False),
        sa.Column("request_key", CODE, nullable=False),
        sa.Column("request_hash", CODE, nullable=False),
        sa.Column("claimed_at", INSTANT, nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("caller", "request_key", name="pk_answered_request"),
    )
    op.create_index("ix_answered_request_claimed_at", "answered_request", ["claimed_at"])
