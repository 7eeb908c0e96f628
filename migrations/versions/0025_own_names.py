"""the owner's name and tags of a connection; channels of alerts that are limited to tags"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
runs_with = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("name", sa.String()))
    for table in ("connections", "alert_channels"):
        op.add_column(
            table,
            sa.Column("tags", postgresql.ARRAY(sa.String()), server_default="{}", nullable=False),
        )


def downgrade() -> None:
    for table in ("alert_channels", "connections"):
        op.drop_column(table, "tags")
    op.drop_column("connections", "name")
