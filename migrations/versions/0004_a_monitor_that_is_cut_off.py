"""a monitor that is cut off"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("monitors", sa.Column("cut_off_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("monitors", "cut_off_since")
