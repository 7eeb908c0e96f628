"""provider outages, and when a connection went up or down"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "connections",
        sa.Column(
            "flips",
            sa.ARRAY(sa.DateTime(timezone=True)),
            server_default="{}",
            nullable=False,
        ),
    )
    op.create_table(
        "provider_outages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "sampled_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_outages")),
    )
    op.create_index(
        "ix_provider_outages_opened_at", "provider_outages", ["opened_at"], unique=False
    )
    op.create_index(
        "uq_provider_outages_open",
        "provider_outages",
        ["provider"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_provider_outages_open",
        table_name="provider_outages",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index("ix_provider_outages_opened_at", table_name="provider_outages")
    op.drop_table("provider_outages")
    op.drop_column("connections", "flips")
