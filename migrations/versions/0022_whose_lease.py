"""a lease knows the monitor that holds it"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
# Older monitors lease in nobody's name: when one of them dies, its leases run out as before.
runs_with = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("lease_monitor_id", sa.Uuid()))
    op.drop_index("ix_monitors_beat_at", "monitors")  # a heartbeat is a HOT update without it


def downgrade() -> None:
    op.create_index(op.f("ix_monitors_beat_at"), "monitors", ["beat_at"])
    op.drop_column("connections", "lease_monitor_id")
