"""tokens that a provider pushes, and its news about our application"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pushed_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("token_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("installation_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subscription", sa.String(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("subscription_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushed_tokens")),
        sa.UniqueConstraint("provider", "account", name=op.f("uq_pushed_tokens_provider_account")),
    )


def downgrade() -> None:
    op.drop_table("pushed_tokens")
