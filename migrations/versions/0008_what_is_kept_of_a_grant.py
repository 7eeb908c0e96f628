"""what is kept of a grant beside its tokens"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PLAIN = ("oauth_states", "revocations")


def upgrade() -> None:
    op.add_column("grants", sa.Column("secrets", sa.LargeBinary(), nullable=True))
    for table in PLAIN:
        kept = sa.Column("kept", JSONB(), server_default="{}", nullable=False)
        op.add_column(table, kept)


def downgrade() -> None:
    for table in PLAIN:
        op.drop_column(table, "kept")
    op.drop_column("grants", "secrets")
