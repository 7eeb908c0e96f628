"""connections that their owner has paused"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
runs_with = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("paused_until", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("connections", "paused_until")
