"""Tables of alerts: what users were told, their preferences, channels and deliveries."""

from datetime import datetime, time
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, check_one_of

CHANNEL_KINDS = ("email", "telegram", "webhook", "push", "apprise")
CHANNEL_STATES = ("waiting", "on", "off", "gone")
# "logged": an e-mail without a mail server, which is written to the log and reaches nobody
DELIVERY_STATES = ("waiting", "sent", "logged", "carried", "failed")
DIGEST_CHOICES = ("none", "daily", "weekly")


class AlertState(Base):
    """What a user was last told about a connection, and when to evaluate it next.

    Every transition sets `look_at` in its transaction: an outbox of evaluations.
    """

    __tablename__ = "alert_states"
    __table_args__ = (
        Index("ix_alert_states_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
        Index(
            "ix_alert_states_outage_id", "outage_id", postgresql_where=text("outage_id IS NOT NULL")
        ),
    )

    connection_id: Mapped[UUID] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    look_at: Mapped[datetime | None]
    kind: Mapped[str] = mapped_column(server_default="well")
    cause: Mapped[str | None]
    since: Mapped[datetime | None]  # when the trouble began that was told last
    told_at: Mapped[datetime | None]
    # The provider outage that the user was told of, until its end is handled too.
    outage_id: Mapped[int | None] = mapped_column(
        ForeignKey("provider_outages.id", ondelete="SET NULL")
    )
    expires_at: Mapped[datetime | None]  # the end of the grant that `expires_days` is about
    expires_days: Mapped[int | None] = mapped_column(SmallInteger)  # the last warning: 30, 7 or 1


class AlertPreferences(Base):
    """A user's preferences; without a row the defaults apply."""

    __tablename__ = "alert_preferences"
    __table_args__ = (CheckConstraint(check_one_of("digest", DIGEST_CHOICES), name="digest"),)

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    delay_minutes: Mapped[int] = mapped_column(SmallInteger, server_default="10")
    reminder_days: Mapped[int] = mapped_column(SmallInteger, server_default="1")  # 0: never
    digest: Mapped[str] = mapped_column(server_default="none")
    digest_at: Mapped[datetime | None] = mapped_column(index=True)  # when the next one is due
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]


class AlertChannel(Base):
    """A way to reach a user. One process at a time sends through it, under a lease."""

    __tablename__ = "alert_channels"
    __table_args__ = (
        CheckConstraint(check_one_of("kind", CHANNEL_KINDS), name="kind"),
        CheckConstraint(check_one_of("state", CHANNEL_STATES), name="state"),
        Index(
            "uq_alert_channels_email",
            "user_id",
            unique=True,
            postgresql_where=text("kind = 'email'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="on")
    label: Mapped[str] = mapped_column(server_default="")  # shown to the user instead of the target
    # Only connections with one of these tags are told of; none: all are.
    tags: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    target: Mapped[bytes | None] = mapped_column(LargeBinary)  # sealed JSON; NULL: users.email
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    code_until: Mapped[datetime | None]
    unsubscribe: Mapped[UUID] = mapped_column(
        Uuid, server_default=func.gen_random_uuid(), unique=True
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # in a row
    failing_since: Mapped[datetime | None]
    error: Mapped[str | None]
    next_try_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]


class Alert(Base):
    """One message to a user; its text is made from `facts`."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_user_id_created_at", "user_id", "created_at"),
        Index("ix_alerts_for_digest", "user_id", postgresql_where=text("for_digest")),
        Index("ix_alerts_connection_ids", "connection_ids", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    provider: Mapped[str | None]
    connection_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    facts: Mapped[dict[str, object]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    for_digest: Mapped[bool] = mapped_column(
        server_default=text("false")
    )  # waits for the next digest
    digest_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("alerts.id", ondelete="SET NULL"), index=True
    )


class Delivery(Base):
    """One alert on one channel; the id is the idempotency key."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("alert_id", "channel_id"),
        CheckConstraint(check_one_of("state", DELIVERY_STATES), name="state"),
        Index("ix_deliveries_waiting", "channel_id", postgresql_where=text("state = 'waiting'")),
        Index("ix_deliveries_channel_id_done_at", "channel_id", "done_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    alert_id: Mapped[UUID] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"))
    channel_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("alert_channels.id", ondelete="SET NULL")
    )
    channel_kind: Mapped[str]
    channel_label: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    done_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    error: Mapped[str | None]
    # The delivery that this one was merged into, and is completed with.
    carried_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("deliveries.id", ondelete="SET NULL"), index=True
    )
