"""Add who handed a question of the review queue to somebody senior, when and why."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("review_item", sa.Column("escalated_by", sa.String(), nullable=True))
    op.add_column("review_item", sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("review_item", sa.Column("escalation_reason", sa.String(), nullable=True))
