"""tables and columns by the field's terms"""

from alembic import op
from sqlalchemy import text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = {
    "told": "alert_states",
    "tickets": "one_time_tokens",
    "rounds": "bulk_checks",
    "journal": "audit_log",
}
COLUMNS = (  # table, old name, new name
    ("connections", "looks", "check_count"),
    ("connections", "unfolded", "unaggregated_count"),
    ("connections", "recent", "recent_latencies"),
    ("connections", "flips", "transitions"),
    ("connections", "asked_at", "decision_requested_at"),
    ("connections", "replaces", "replaces_connection_id"),
    ("oauth_states", "kept", "extra"),
    ("revocations", "kept", "extra"),
)
INDEXES = (("ix_connections_replaces", "ix_connections_replaces_connection_id"),)
FOREIGN_KEYS = (
    (
        "connections",
        "fk_connections_replaces_connections",
        "fk_connections_replaces_connection_id_connections",
    ),
)
CONSTRAINTS = text("SELECT conname FROM pg_constraint WHERE conrelid = CAST(:name AS regclass)")
# ALTER TABLE renames both.
INDEXES_AND_SEQUENCES = text(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    " AND relkind IN ('i', 'S') AND relname LIKE :name"
)


def upgrade() -> None:
    for old, new in TABLES.items():
        _rename_table(old, new)
    for table, old, new in COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    for old, new in INDEXES:
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")
    for table, old, new in FOREIGN_KEYS:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")


def downgrade() -> None:
    for table, old, new in FOREIGN_KEYS:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {new} TO {old}")
    for old, new in INDEXES:
        op.execute(f"ALTER INDEX {new} RENAME TO {old}")
    for table, old, new in COLUMNS:
        op.alter_column(table, new, new_column_name=old)
    for old, new in TABLES.items():
        _rename_table(new, old)


def _rename_table(old: str, new: str) -> None:
    """With its constraints, indexes and sequences, which have its name in theirs."""
    op.rename_table(old, new)
    bind = op.get_bind()
    for name in bind.scalars(CONSTRAINTS, {"name": new}).all():
        if f"_{old}_" in f"_{name}_":
            op.execute(f'ALTER TABLE {new} RENAME CONSTRAINT "{name}" TO "{_new(name, old, new)}"')
    for name in bind.scalars(INDEXES_AND_SEQUENCES, {"name": f"%{old}%"}).all():
        if f"_{old}_" in f"_{name}_":
            op.execute(f'ALTER TABLE "{name}" RENAME TO "{_new(name, old, new)}"')


def _new(name: str, old: str, new: str) -> str:
    return f"_{name}_".replace(f"_{old}_", f"_{new}_", 1)[1:-1]
