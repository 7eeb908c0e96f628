"""The tables of what people are told: what they know, what they wish, and what went to them."""

from datetime import datetime, time
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
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
DELIVERY_STATES = ("waiting", "sent", "carried", "failed")
DIGEST_CHOICES = ("none", "daily", "weekly")


class AlertState(Base):
    """What a person was last told about a connection, and when to compare that with the truth.

    `look_at` is set in the transaction of every transition: the outbox of decisions.
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
    since: Mapped[datetime | None]  # when the trouble began that was told
    told_at: Mapped[datetime | None]
    # The provider's outage that was noted here, until its end is noted too.
    outage_id: Mapped[int | None] = mapped_column(
        ForeignKey("provider_outages.id", ondelete="SET NULL")
    )
    expires_at: Mapped[datetime | None]  # the end of the grant that `expires_days` is about
    expires_days: Mapped[int | None] = mapped_column(SmallInteger)  # the last warning: 30, 7 or 1


class AlertPreferences(Base):
    """How a person wants to be told; no row: as it is for everybody."""

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
    """One way to reach a person. It is served under a lease, one message after the other."""

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
    label: Mapped[str] = mapped_column(server_default="")  # what the person sees of the target
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
    """One message to a person; `facts` is all that its words are made of."""

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
    for_digest: Mapped[bool] = mapped_column(server_default=text("false"))  # waits for it
    digest_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("alerts.id", ondelete="SET NULL"), index=True
    )


class Delivery(Base):
    """One alert on its way through one channel; its id is the idempotency key."""

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
    # What could not go alone is said in this one, and is settled with it.
    carried_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("deliveries.id", ondelete="SET NULL"), index=True
    )
