"""a state remembers what became of it, for a callback that comes twice"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "oauth_states", sa.Column("consumed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("oauth_states", sa.Column("stored_as", sa.Uuid(), nullable=True))
    op.add_column("oauth_states", sa.Column("outcome", sa.String(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM oauth_states WHERE consumed_at IS NOT NULL")
    for name in ("outcome", "stored_as", "consumed_at"):
        op.drop_column("oauth_states", name)
