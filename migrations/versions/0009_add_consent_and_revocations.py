"""Create what persons said of sharing, who looked past it, and which tokens are taken back. All append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NAME = sa.String(length=32)
INSTANT = sa.DateTime(timezone=True)
APPEND_ONLY = ("consent_directive", "broken_glass", "revoked_token")


def upgrade() -> None:
    create_consent_directive()
    create_broken_glass()
    create_revoked_token()
    refuse_changes()


def create_consent_directive() -> None:
    op.create_table(
        "consent_directive",
        sa.Column("directive_number", IDENTITY, nullable=False),
        sa.Column("directive_id", CODE, nullable=False),
        sa.Column("assigning_authority", CODE, nullable=False),
        sa.Column("local_patient_id", CODE, nullable=False),
        sa.Column("scope", NAME, nullable=False),
        sa.Column("target", CODE, nullable=False),
        sa.Column("effect", NAME, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("directive_number", name="pk_consent_directive"),
    )
    op.create_index(
        "ix_consent_directive_identifier", "consent_directive", ["assigning_authority", "local_patient_id"]
    )


def create_broken_glass() -> None:
    op.create_table(
        "broken_glass",
        sa.Column("glass_number", IDENTITY, nullable=False),
        sa.Column("glass_id", CODE, nullable=False),
        sa.Column("enterprise_id", CODE, nullable=False),
        sa.Column("identifiers", sa.JSON(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("glass_number", name="pk_broken_glass"),
        sa.UniqueConstraint("glass_id", name="uq_broken_glass_glass_id"),
    )
    op.create_index("ix_broken_glass_person", "broken_glass", ["enterprise_id", "expires_at"])


def create_revoked_token() -> None:
    op.create_table(
        "revoked_token",
        sa.Column("revocation_number", IDENTITY, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("value", CODE, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=False),
        sa.Column("revoked_by", sa.String(), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("revocation_number", name="pk_revoked_token"),
    )
    op.create_index("ix_revoked_token_until", "revoked_token", ["until"])


def refuse_changes() -> None:
    for table in APPEND_ONLY:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
            continue
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
