"""the journal, which nobody rewrites"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("deed", sa.String(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("device", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_journal_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    )
    op.create_index("ix_journal_user_id_id", "journal", ["user_id", "id"], unique=False)
    op.create_index(
        "ix_journal_connection_id_deed_at", "journal", ["connection_id", "deed", "at"], unique=False
    )
    op.create_index("ix_journal_at", "journal", ["at"], unique=False)
    op.execute(
        """
        CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER journal_is_append_only BEFORE UPDATE ON journal"
        " FOR EACH ROW EXECUTE FUNCTION journal_is_append_only()"
    )


def downgrade() -> None:
    op.drop_index("ix_journal_at", table_name="journal")
    op.drop_index("ix_journal_connection_id_deed_at", table_name="journal")
    op.drop_index("ix_journal_user_id_id", table_name="journal")
    op.drop_table("journal")
    op.execute("DROP FUNCTION journal_is_append_only()")
