"""hashes of delivered tokens that newer ones have replaced"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
runs_with = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "pushed_tokens",
        sa.Column(
            "replaced_hashes",
            postgresql.ARRAY(sa.LargeBinary()),
            server_default="{}",
            nullable=False,
        ),
    )


def downgrade() -> None:
    op.drop_column("pushed_tokens", "replaced_hashes")
