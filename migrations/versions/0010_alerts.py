"""alerts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_channels",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="on", nullable=False),
        sa.Column("label", sa.String(), server_default="", nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("code_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "unsubscribe", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column(
            "next_try_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('email', 'telegram', 'webhook', 'push', 'apprise')",
            name=op.f("ck_alert_channels_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'on', 'off', 'gone')", name=op.f("ck_alert_channels_state")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_alert_channels_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_channels")),
        sa.UniqueConstraint("unsubscribe", name=op.f("uq_alert_channels_unsubscribe")),
    )
    op.create_index(
        op.f("ix_alert_channels_code_hash"), "alert_channels", ["code_hash"], unique=False
    )
    op.create_index(op.f("ix_alert_channels_user_id"), "alert_channels", ["user_id"], unique=False)
    op.create_index(
        "uq_alert_channels_email",
        "alert_channels",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'email'"),
    )
    op.create_table(
        "alert_preferences",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("delay_minutes", sa.SmallInteger(), server_default="10", nullable=False),
        sa.Column("reminder_days", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("digest", sa.String(), server_default="none", nullable=False),
        sa.Column("digest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.CheckConstraint(
            "digest IN ('none', 'daily', 'weekly')", name=op.f("ck_alert_preferences_digest")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_alert_preferences_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_alert_preferences")),
    )
    op.create_index(
        op.f("ix_alert_preferences_digest_at"), "alert_preferences", ["digest_at"], unique=False
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("connection_ids", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("for_digest", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("digest_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["digest_id"],
            ["alerts.id"],
            name=op.f("fk_alerts_digest_id_alerts"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_alerts_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(
        "ix_alerts_connection_ids",
        "alerts",
        ["connection_ids"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(op.f("ix_alerts_created_at"), "alerts", ["created_at"], unique=False)
    op.create_index(op.f("ix_alerts_digest_id"), "alerts", ["digest_id"], unique=False)
    op.create_index(
        "ix_alerts_for_digest",
        "alerts",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("for_digest"),
    )
    op.create_index(
        "ix_alerts_user_id_created_at", "alerts", ["user_id", "created_at"], unique=False
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("channel_kind", sa.String(), nullable=False),
        sa.Column("channel_label", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("carried_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'carried', 'failed')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alerts.id"],
            name=op.f("fk_deliveries_alert_id_alerts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["carried_by"],
            ["deliveries.id"],
            name=op.f("fk_deliveries_carried_by_deliveries"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["alert_channels.id"],
            name=op.f("fk_deliveries_channel_id_alert_channels"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "alert_id", "channel_id", name=op.f("uq_deliveries_alert_id_channel_id")
        ),
    )
    op.create_index(op.f("ix_deliveries_carried_by"), "deliveries", ["carried_by"], unique=False)
    op.create_index(
        "ix_deliveries_channel_id_done_at", "deliveries", ["channel_id", "done_at"], unique=False
    )
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["channel_id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "told",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kind", sa.String(), server_default="well", nullable=False),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outage_id", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_days", sa.SmallInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_told_connection_id_connections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_told_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["outage_id"],
            ["provider_outages.id"],
            name=op.f("fk_told_outage_id_provider_outages"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_told")),
    )
    op.create_index(
        "ix_told_look_at",
        "told",
        ["look_at"],
        unique=False,
        postgresql_where=sa.text("look_at IS NOT NULL"),
    )
    op.create_index(
        "ix_told_outage_id",
        "told",
        ["outage_id"],
        unique=False,
        postgresql_where=sa.text("outage_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_told_user_id"), "told", ["user_id"], unique=False)
    # Everybody knows what their page says at this moment: an update must not wake anybody.
    op.execute(
        """
        INSERT INTO told (connection_id, user_id, look_at, kind, cause, since, told_at)
        SELECT id, user_id,
               CASE WHEN status IN ('blocked', 'revoked') THEN now() + interval '1 day'
                    ELSE now() END,
               CASE WHEN status IN ('offline', 'blocked', 'revoked') THEN status ELSE 'well' END,
               CASE WHEN status IN ('offline', 'blocked', 'revoked') THEN cause END,
               CASE WHEN status IN ('offline', 'blocked', 'revoked') THEN since END,
               NULL
        FROM connections WHERE replaces IS NULL
        """
    )


def downgrade() -> None:
    op.drop_table("told")
    op.drop_table("deliveries")
    op.drop_table("alerts")
    op.drop_table("alert_preferences")
    op.drop_table("alert_channels")
