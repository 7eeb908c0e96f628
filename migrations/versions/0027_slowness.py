"""a connection's own baseline of latency, and when it was slow"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
runs_with = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("baseline_ms", sa.Integer()))
    op.add_column(
        "connections",
        sa.Column("slow_streak", sa.SmallInteger(), server_default="0", nullable=False),
    )
    op.add_column("connections", sa.Column("slow_since", sa.DateTime(timezone=True)))
    op.create_table(
        "slow_periods",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_slow_periods"),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name="fk_slow_periods_connection_id_connections",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_slow_periods_connection_id_ended", "slow_periods", ["connection_id", "ended"]
    )
    op.create_index("ix_slow_periods_ended", "slow_periods", ["ended"])


def downgrade() -> None:
    op.drop_table("slow_periods")
    for column in ("slow_since", "slow_streak", "baseline_ms"):
        op.drop_column("connections", column)
