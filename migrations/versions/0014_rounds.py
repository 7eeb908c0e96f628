"""checks of everything at once, and latencies found by their age"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rounds",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("connection_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column(
            "later",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_rounds_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_rounds")),
    )
    op.create_index("ix_latencies_began", "latencies", ["began"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_latencies_began", table_name="latencies")
    op.drop_table("rounds")
