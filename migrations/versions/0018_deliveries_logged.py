"""deliveries that no mail server took are logged, not sent"""

from alembic import op

revision = "0018"
down_revision = "0017"
runs_with = "0018"  # older pages have no word for the new state
branch_labels = None
depends_on = None

BEFORE = "state IN ('waiting', 'sent', 'carried', 'failed')"
NOW = "state IN ('waiting', 'sent', 'logged', 'carried', 'failed')"


def upgrade() -> None:
    _put_condition(NOW)


def downgrade() -> None:
    op.execute("UPDATE deliveries SET state = 'sent' WHERE state = 'logged'")
    _put_condition(BEFORE)


def _put_condition(condition: str) -> None:
    op.drop_constraint("ck_deliveries_state", "deliveries")
    op.create_check_constraint(op.f("ck_deliveries_state"), "deliveries", condition)
