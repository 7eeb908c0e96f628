"""a pushed token that somebody has proven to be theirs, and the codes that prove it"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pushed_tokens", sa.Column("token_hash", sa.LargeBinary(), nullable=True))
    op.add_column("pushed_tokens", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_pushed_tokens_user_id_users"),
        "pushed_tokens",
        "users",
        ["user_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index(op.f("ix_pushed_tokens_user_id"), "pushed_tokens", ["user_id"])
    op.create_table(
        "pairings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_pairings_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairings")),
        sa.UniqueConstraint("user_id", "provider", name=op.f("uq_pairings_user_id_provider")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_pairings_code_hash")),
    )
    op.create_index(op.f("ix_pairings_expires_at"), "pairings", ["expires_at"])


def downgrade() -> None:
    op.drop_table("pairings")
    op.drop_index(op.f("ix_pushed_tokens_user_id"), table_name="pushed_tokens")
    op.drop_column("pushed_tokens", "user_id")
    op.drop_column("pushed_tokens", "token_hash")
