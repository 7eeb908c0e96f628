"""how a person's board shows what works: rows or cards"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
runs_with = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("board_view", sa.String()))


def downgrade() -> None:
    op.drop_column("users", "board_view")
