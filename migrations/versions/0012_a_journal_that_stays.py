"""the journal says who did it, and lets nothing go before its time"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("journal", sa.Column("who", sa.String(), server_default="person", nullable=False))
    op.execute("ALTER TABLE journal DISABLE TRIGGER journal_is_append_only")
    op.execute("UPDATE journal SET who = 'service' WHERE deed = 'refreshed'")
    op.execute("UPDATE journal SET who = 'provider' WHERE deed = 'revoked'")
    op.execute("ALTER TABLE journal ENABLE TRIGGER journal_is_append_only")
    # A row may go with its person, whose own row is gone by then, and when it is too old.
    op.execute(
        """
        CREATE FUNCTION journal_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.at < now() - interval '400 days'
               OR NOT EXISTS (SELECT FROM users WHERE id = OLD.user_id) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'the journal is append-only';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER journal_keeps BEFORE DELETE ON journal"
        " FOR EACH ROW EXECUTE FUNCTION journal_keeps()"
    )
    op.execute(
        "CREATE TRIGGER journal_is_not_emptied BEFORE TRUNCATE ON journal"
        " FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER journal_is_not_emptied ON journal")
    op.execute("DROP TRIGGER journal_keeps ON journal")
    op.execute("DROP FUNCTION journal_keeps()")
    op.drop_column("journal", "who")
