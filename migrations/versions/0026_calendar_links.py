"""the address of a calendar of what ends: one for each user, as its hash"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
runs_with = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    now = {"server_default": sa.text("now()"), "nullable": False}
    op.create_table(
        "calendar_links",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), **now),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_calendar_links_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_calendar_links")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_calendar_links_link_hash")),
    )


def downgrade() -> None:
    op.drop_table("calendar_links")
