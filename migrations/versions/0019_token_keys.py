"""check values of the keys that tokens are sealed with"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
runs_with = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "token_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("check_value", sa.LargeBinary(), nullable=False),
        sa.Column(
            "first_used_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_keys")),
    )


def downgrade() -> None:
    op.drop_table("token_keys")
