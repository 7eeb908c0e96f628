"""letters about accounts: queued, and sent again until a mail server takes them"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
runs_with = "0020"
branch_labels = None
depends_on = None

KINDS = "'reset', 'sign_up', 'email_old', 'email_new', 'notice'"


def upgrade() -> None:
    now = {"server_default": sa.text("now()"), "nullable": False}
    op.create_table(
        "account_letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.String(), server_default="", nullable=False),
        sa.Column("password_hash", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), **now),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), **now),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_account_letters_kind")),
        sa.CheckConstraint(
            "state IN ('waiting', 'done', 'failed')", name=op.f("ck_account_letters_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_letters")),
    )
    op.create_index("ix_account_letters_expires_at", "account_letters", ["expires_at"])
    op.create_index(
        "ix_account_letters_waiting",
        "account_letters",
        ["next_try_at"],
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    op.drop_table("account_letters")
