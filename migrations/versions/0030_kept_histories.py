"""what a connection was is kept for a while after its disconnect"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
runs_with = "0020"
branch_labels = None
depends_on = None

TABLES = ("outages", "latencies", "slow_periods")
# In place of ON DELETE CASCADE: the history of a connection goes with it, unless it is kept; and
# with what keeps it, unless a connection has it again.
FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM {other} WHERE {others_id} = OLD.{own_id}) THEN
        DELETE FROM outages WHERE connection_id = OLD.{own_id};
        DELETE FROM latencies WHERE connection_id = OLD.{own_id};
        DELETE FROM slow_periods WHERE connection_id = OLD.{own_id};
    END IF;
    RETURN NULL;
END $$
"""
TRIGGER = "CREATE TRIGGER {name} AFTER DELETE ON {own} FOR EACH ROW EXECUTE FUNCTION {name}()"
ENDS = (
    {
        "name": "history_goes_with_connection",
        **{"own": "connections", "own_id": "id"},
        **{"other": "kept_histories", "others_id": "connection_id"},
    },
    {
        "name": "history_is_kept_no_longer",
        **{"own": "kept_histories", "own_id": "connection_id"},
        **{"other": "connections", "others_id": "id"},
    },
)


def upgrade() -> None:
    op.create_table(
        "kept_histories",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String()),
        sa.Column("name", sa.String()),
        sa.Column("tags", sa.ARRAY(sa.String()), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_checked_at", sa.DateTime(timezone=True)),
        sa.Column("watched_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("baseline_ms", sa.Integer()),
        sa.Column("check_count", sa.Integer(), nullable=False),
        sa.Column("unaggregated_count", sa.SmallInteger(), nullable=False),
        sa.Column("recent_latencies", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column(
            "disconnected_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("user_id", "provider", "account", name="pk_kept_histories"),
        sa.UniqueConstraint("connection_id", name="uq_kept_histories_connection_id"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_kept_histories_user_id_users", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_kept_histories_disconnected_at", "kept_histories", ["disconnected_at"])
    for end in ENDS:
        op.execute(FUNCTION.format(**end))
        op.execute(TRIGGER.format(**end))
    for table in TABLES:
        op.drop_constraint(f"fk_{table}_connection_id_connections", table)


def downgrade() -> None:
    """What is kept is deleted: no connection has it."""
    for table in TABLES:
        op.execute(
            f"DELETE FROM {table} h WHERE NOT EXISTS"
            " (SELECT FROM connections c WHERE c.id = h.connection_id)"
        )
        op.create_foreign_key(
            f"fk_{table}_connection_id_connections",
            table,
            "connections",
            ["connection_id"],
            ["id"],
            ondelete="CASCADE",
        )
    for end in ENDS:
        op.execute(f"DROP TRIGGER {end['name']} ON {end['own']}")
        op.execute(f"DROP FUNCTION {end['name']}()")
    op.drop_table("kept_histories")
