"""history: stretches that never overlap, and latencies"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

FAULT = (
    "CASE WHEN cause IN ('access_denied', 'payment_required', 'revoked') THEN 'you'"
    " WHEN cause IN ('rate_limited', 'misconfigured') THEN 'us' ELSE 'provider' END"
)
END = "coalesce(closed_at, 'infinity'::timestamptz)"


def upgrade() -> None:
    _upgrade_connections()
    _upgrade_outages()
    op.create_table(
        "latencies",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts", sa.ARRAY(sa.Integer()), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_latencies_connection_id_connections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "slot", name=op.f("pk_latencies")),
        postgresql_with={"fillfactor": 80},
    )


def downgrade() -> None:
    op.drop_table("latencies")
    op.execute("DELETE FROM outages WHERE cause IS NULL")
    op.drop_constraint("ex_outages_overlap", "outages")
    op.execute("DROP TYPE uuidrange")
    for name in ("order", "cause", "fault"):
        op.drop_constraint(op.f(f"ck_outages_{name}"), "outages")
    op.drop_index("ix_outages_closed_at", table_name="outages")
    op.drop_index("ix_outages_connection_id_end", table_name="outages")
    op.create_index("ix_outages_connection_id_opened_at", "outages", ["connection_id", "opened_at"])
    for name in ("fault", "last_evidence", "checks"):
        op.drop_column("outages", name)
    op.alter_column("outages", "cause", nullable=False)
    for name in ("watched_until", "looks", "unfolded", "recent"):
        op.drop_column("connections", name)


def _upgrade_connections() -> None:
    """A day for the rows that are there: nobody was watching while this ran, and that is no gap."""
    op.add_column(
        "connections",
        sa.Column(
            "watched_until",
            sa.DateTime(timezone=True),
            server_default=sa.text("now() + interval '1 day'"),
            nullable=False,
        ),
    )
    soon = sa.text("now() + interval '60 seconds'")
    op.alter_column("connections", "watched_until", server_default=soon)
    for column in (
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unfolded", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("recent", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False),
    ):
        op.add_column("connections", column)


def _upgrade_outages() -> None:
    op.add_column("outages", sa.Column("fault", sa.String(), nullable=True))
    op.execute(f"UPDATE outages SET fault = {FAULT}")
    op.alter_column("outages", "fault", nullable=False)
    op.add_column(
        "outages", sa.Column("last_evidence", sa.String(), server_default="", nullable=False)
    )
    op.add_column("outages", sa.Column("checks", sa.Integer(), server_default="1", nullable=False))
    op.alter_column("outages", "cause", nullable=True)
    op.drop_index("ix_outages_connection_id_opened_at", table_name="outages")
    op.create_index("ix_outages_connection_id_end", "outages", ["connection_id", sa.text(END)])
    op.create_index("ix_outages_closed_at", "outages", ["closed_at"])
    op.execute("UPDATE outages SET closed_at = opened_at WHERE closed_at < opened_at")
    op.create_check_constraint(op.f("ck_outages_order"), "outages", "closed_at >= opened_at")
    op.create_check_constraint(
        op.f("ck_outages_cause"), "outages", "(status = 'unwatched') = (cause IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_outages_fault"), "outages", "fault IN ('you', 'provider', 'us')"
    )
    # `=` on a range of one id stands in for btree_gist, which is not in every PostgreSQL.
    op.execute("CREATE TYPE uuidrange AS RANGE (subtype = uuid)")
    op.execute(
        "ALTER TABLE outages ADD CONSTRAINT ex_outages_overlap EXCLUDE USING gist"
        " (uuidrange(connection_id, connection_id, '[]') WITH =,"
        " tstzrange(opened_at, closed_at) WITH &&)"
    )
