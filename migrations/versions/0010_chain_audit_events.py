"""Chain the audit events by hash, those that are there too, and let old ones go once an anchor stands for them."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from mpi.audit import AuditEvent, AuditOutcome
from mpi.audit_chain import EMPTY_CHAIN, AuditHead, chained

revision = "0010"
down_revision = "0004"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
ROWS_AT_ONCE = 1_000
EVENT = sa.table(
    "audit_event",
    sa.column("audit_id", sa.BigInteger()),
    sa.column("at", INSTANT),
    *(
        sa.column(name, sa.String())
        for name in ("actor", "role", "action", "outcome", "subject", "purpose_of_use", "correlation_id", "detail")
    ),
    sa.column("chain_hash", sa.LargeBinary()),
)


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "audit_anchor",
        sa.Column("number", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("chain_hash", sa.LargeBinary(), nullable=False),
        sa.Column("pruned_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_anchor"),
    )
    if is_postgresql:
        op.execute("DROP TRIGGER audit_event_refuse_change ON audit_event")
        empty = sa.text("''::bytea")
    else:
        op.execute("DROP TRIGGER audit_event_refuse_update")
        op.execute("DROP TRIGGER audit_event_refuse_delete")
        empty = sa.text("x''")
    # A row that is put in past the hub keeps the default, which is no hash: verifying names it.
    op.add_column("audit_event", sa.Column("chain_hash", sa.LargeBinary(), nullable=False, server_default=empty))
    chain_existing_rows(op.get_bind())
    if is_postgresql:
        refuse_changes_on_postgresql()
    else:
        refuse_changes_on_sqlite()


def chain_existing_rows(connection: sa.Connection) -> None:
    """In their order; numbers that rolled back transactions left out are closed up."""
    head, last = EMPTY_CHAIN, -1
    statement = sa.select(EVENT).where(EVENT.c.audit_id > sa.bindparam("last")).order_by(EVENT.c.audit_id)
    change = (
        sa.update(EVENT)
        .where(EVENT.c.audit_id == sa.bindparam("old"))
        .values(audit_id=sa.bindparam("new"), chain_hash=sa.bindparam("hash"))
    )
    while page := connection.execute(statement.limit(ROWS_AT_ONCE), {"last": last}).mappings().all():
        rows = list(chained(head, [event_of(row) for row in page]))
        connection.execute(
            change,
            [
                {"old": old["audit_id"], "new": new.number, "hash": new.chain_hash}
                for old, new in zip(page, rows, strict=True)
            ],
        )
        head, last = AuditHead(rows[-1].number, rows[-1].chain_hash), page[-1]["audit_id"]


def event_of(row: sa.RowMapping) -> AuditEvent:
    values = {name: row[name] for name in AuditEvent.__slots__}
    at = values["at"]
    return AuditEvent(**{
        **values,
        "at": at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at,
        "outcome": AuditOutcome[values["outcome"]],
    })


def refuse_changes_on_sqlite() -> None:
    for table in ("audit_event", "audit_anchor"):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    op.execute(
        "CREATE TRIGGER audit_event_refuse_delete BEFORE DELETE ON audit_event "
        "WHEN OLD.audit_id > (SELECT COALESCE(MAX(number), 0) FROM audit_anchor) "
        "BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_anchor_refuse_delete BEFORE DELETE ON audit_anchor "
        "BEGIN SELECT RAISE(ABORT, 'audit_anchor is append-only'); END"
    )


def refuse_changes_on_postgresql() -> None:
    op.execute("ALTER TABLE audit_event ALTER COLUMN audit_id DROP DEFAULT")
    op.execute("DROP SEQUENCE audit_event_audit_id_seq")
    op.execute(
        "CREATE TRIGGER audit_anchor_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_anchor "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER audit_event_refuse_change BEFORE UPDATE OR TRUNCATE ON audit_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE FUNCTION refuse_unanchored_delete() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF EXISTS (SELECT FROM gone WHERE audit_id > "
        "(SELECT COALESCE(MAX(number), 0) FROM audit_anchor)) "
        "THEN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END IF; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_event_refuse_delete AFTER DELETE ON audit_event "
        "REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_unanchored_delete()"
    )
