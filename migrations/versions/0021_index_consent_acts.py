"""Find what a person said of sharing by the id of the act."""

from alembic import op

revision = "0021"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_consent_directive_id", "consent_directive", ["directive_id"])
