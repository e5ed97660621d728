"""Keep what a site deleted with an explicit null: without it a record's history tells only what was said."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("record_history", sa.Column("deleted", sa.JSON(none_as_null=True), nullable=True))
