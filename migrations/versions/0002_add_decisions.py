"""Keep decisions of records staff, *the same person* assertions, claims of review items and where persons went."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CODE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(32)

MANUAL_PAIRS = """
    INSERT INTO always_link (left_authority, left_local_patient_id, right_authority, right_local_patient_id,
                             link_source, said_by, said_at)
    SELECT a.assigning_authority, a.local_patient_id, b.assigning_authority, b.local_patient_id,
           'MANUAL', 'records staff', b.linked_at
    FROM source_record a JOIN source_record b ON b.enterprise_id = a.enterprise_id
    WHERE a.link_source = 'MANUAL' AND b.link_source = 'MANUAL'
      AND (a.assigning_authority < b.assigning_authority
           OR (a.assigning_authority = b.assigning_authority AND a.local_patient_id < b.local_patient_id))
"""


def upgrade() -> None:
    op.add_column("review_item", sa.Column("claimed_by", sa.String(), nullable=True))
    op.add_column("review_item", sa.Column("claimed_until", INSTANT, nullable=True))
    create_always_link()
    create_decisions()
    op.create_table(
        "person_redirect",
        sa.Column("enterprise_id", CODE, nullable=False),
        sa.Column("into_enterprise_id", CODE, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", name="pk_person_redirect"),
    )
    op.execute(MANUAL_PAIRS)


def create_always_link() -> None:
    op.create_table(
        "always_link",
        sa.Column("left_authority", CODE, nullable=False),
        sa.Column("left_local_patient_id", CODE, nullable=False),
        sa.Column("right_authority", CODE, nullable=False),
        sa.Column("right_local_patient_id", CODE, nullable=False),
        sa.Column("link_source", NAME, nullable=False),
        sa.Column("said_by", sa.String(), nullable=False),
        sa.Column("said_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint(
            "left_authority",
            "left_local_patient_id",
            "right_authority",
            "right_local_patient_id",
            name="pk_always_link",
        ),
    )
    op.create_index("ix_always_link_right", "always_link", ["right_authority", "right_local_patient_id"])


def create_decisions() -> None:
    op.create_table(
        "identity_decision",
        sa.Column("decision_number", IDENTITY, nullable=False),
        sa.Column("decision_id", CODE, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("undone_at", INSTANT, nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("decision_number", name="pk_identity_decision"),
        sa.UniqueConstraint("decision_id", name="uq_identity_decision_decision_id"),
    )
    op.create_table(
        "decided_record",
        sa.Column("decision_id", CODE, nullable=False),
        sa.Column("assigning_authority", CODE, nullable=False),
        sa.Column("local_patient_id", CODE, nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["identity_decision.decision_id"],
            name="fk_decided_record_decision_id_identity_decision",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("decision_id", "assigning_authority", "local_patient_id", name="pk_decided_record"),
    )
    op.create_index("ix_decided_record_identifier", "decided_record", ["assigning_authority", "local_patient_id"])
