"""causes of contradiction, waves of refusals, and what is usual"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
# Older code cannot read the new causes.
runs_with = "0020"
branch_labels = None
depends_on = None

CAUSES = (
    "provider_error",
    "unreachable",
    "timeout",
    "tls",
    "bad_response",
    "rate_limited",
    "access_denied",
    "payment_required",
    "revoked",
    "misconfigured",
)
NEW = ("inconsistent", "account_changed")


def upgrade() -> None:
    _allow(CAUSES + NEW)
    op.add_column(
        "provider_outages",
        sa.Column("kind", sa.String(), server_default="failing", nullable=False),
    )
    op.add_column(
        "provider_outages",
        sa.Column("good_samples", sa.SmallInteger(), server_default="0", nullable=False),
    )
    op.add_column("provider_outages", sa.Column("counted_at", sa.DateTime(timezone=True)))
    op.add_column("provider_outages", sa.Column("told_from", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_provider_outages_kind"), "provider_outages", "kind IN ('failing', 'refusing')"
    )
    op.add_column(
        "grants",
        sa.Column("refused_refreshes", sa.SmallInteger(), server_default="0", nullable=False),
    )
    op.create_table(
        "refusal_counts",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "day", name=op.f("pk_refusal_counts")),
    )


def downgrade() -> None:
    op.drop_table("refusal_counts")
    op.drop_column("grants", "refused_refreshes")
    op.drop_constraint(op.f("ck_provider_outages_kind"), "provider_outages")
    for column in ("told_from", "counted_at", "good_samples", "kind"):
        op.drop_column("provider_outages", column)
    for table in ("outages", "provider_outages"):
        op.execute(f"UPDATE {table} SET cause = 'bad_response' WHERE cause IN {NEW}")
    op.execute(f"UPDATE connections SET cause = 'bad_response' WHERE cause IN {NEW}")
    _allow(CAUSES)


def _allow(causes: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_connections_cause"), "connections")
    op.create_check_constraint(op.f("ck_connections_cause"), "connections", f"cause IN {causes}")
