"""live processes and the keys that they know"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
runs_with = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "live_processes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key_ids", sa.ARRAY(sa.String()), nullable=False),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_processes")),
    )


def downgrade() -> None:
    op.drop_table("live_processes")
