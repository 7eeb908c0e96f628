"""what a person's account is made of"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import func

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PURPOSES = (
    "purpose IN ('reset', 'sign_up', 'second_factor',"
    " 'passkey_log_in', 'passkey_add', 'passkey_proof')"
)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("users", sa.Column("zone", sa.String()))
    op.add_column(
        "sessions",
        sa.Column("id", sa.Uuid(), server_default=func.gen_random_uuid(), nullable=False),
    )
    op.create_unique_constraint("uq_sessions_id", "sessions", ["id"])
    op.add_column(
        "sessions", sa.Column("seen_at", MOMENT, server_default=func.now(), nullable=False)
    )
    op.create_table(
        "tickets",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        _user_id(nullable=True),
        sa.Column("email", sa.String(), server_default="", nullable=False),
        sa.Column("password_hash", sa.String(), server_default="", nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.CheckConstraint(PURPOSES, name="purpose"),
        _of_a_person("tickets"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_tickets"),
    )
    op.create_index("ix_tickets_user_id", "tickets", ["user_id"])
    op.create_index("ix_tickets_expires_at", "tickets", ["expires_at"])
    op.create_table(
        "email_changes",
        _user_id(),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("old_link", sa.LargeBinary()),
        sa.Column("new_link", sa.LargeBinary()),
        sa.Column("expires_at", MOMENT, nullable=False),
        _of_a_person("email_changes"),
        sa.PrimaryKeyConstraint("user_id", name="pk_email_changes"),
    )
    op.create_index("ix_email_changes_expires_at", "email_changes", ["expires_at"])
    op.create_table(
        "second_factors",
        _user_id(),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", MOMENT),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        _of_a_person("second_factors"),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factors"),
    )
    op.create_table(
        "recovery_codes",
        _user_id(),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        _of_a_person("recovery_codes"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_codes"),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        _user_id(),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=func.now(), nullable=False),
        sa.Column("used_at", MOMENT),
        _of_a_person("passkeys"),
        sa.PrimaryKeyConstraint("id", name="pk_passkeys"),
        sa.UniqueConstraint("credential_id", name="uq_passkeys_credential_id"),
    )
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])


def downgrade() -> None:
    for table in ("passkeys", "recovery_codes", "second_factors", "email_changes", "tickets"):
        op.drop_table(table)
    op.drop_column("sessions", "seen_at")
    op.drop_column("sessions", "id")
    op.drop_column("users", "zone")


def _user_id(nullable: bool = False) -> "sa.Column[int]":
    return sa.Column("user_id", sa.BigInteger(), nullable=nullable)


def _of_a_person(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_user_id_users"
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=name, ondelete="CASCADE")
