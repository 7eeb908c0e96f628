"""Tables of the past: outages of connections and of providers, and how long answers took.

What belongs to a connection has its id without a foreign key: it outlives the connection for a
while (`KeptHistory`). Triggers of migration 0030 delete it with the last one that has it.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, check_one_of
from app.models.connection import UNWATCHED


class Outage(Base):
    """One interval of a connection's time that was not online, with one cause; or, as `unwatched`,
    one when nobody was checking. The intervals of a connection never overlap.
    """

    __tablename__ = "outages"
    __table_args__ = (
        Index(
            "uq_outages_open",
            "connection_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        # A connection's intervals from some moment on, the open one included.
        Index(
            "ix_outages_connection_id_end",
            "connection_id",
            text("coalesce(closed_at, 'infinity'::timestamptz)"),
        ),
        Index("ix_outages_closed_at", "closed_at"),
        # A range of one id: `=` on it needs no extension, which the embedded PostgreSQL lacks.
        ExcludeConstraint(
            (text("uuidrange(connection_id, connection_id, '[]')"), "="),
            (text("tstzrange(opened_at, closed_at)"), "&&"),
            name="ex_outages_overlap",
        ),
        CheckConstraint("closed_at >= opened_at", name="order"),
        CheckConstraint(f"(status = '{UNWATCHED}') = (cause IS NULL)", name="cause"),
        CheckConstraint(check_one_of("fault", ["you", "provider", "us"]), name="fault"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    connection_id: Mapped[UUID]
    status: Mapped[str]
    cause: Mapped[str | None]
    fault: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    evidence: Mapped[str]  # of the check that confirmed it
    last_evidence: Mapped[str] = mapped_column(server_default="")
    checks: Mapped[int] = mapped_column(server_default="1")  # in a row with this cause


class Latencies(Base):
    """How long answers took in one hour or one day, as a histogram: 114 rows for a connection at
    most, written over once their hour or day comes round again (app/history/latency.py).
    """

    __tablename__ = "latencies"
    __table_args__ = (
        Index("ix_latencies_began", "began"),  # for rows that nobody writes over any more
        {"postgresql_with": {"fillfactor": 80}},
    )

    connection_id: Mapped[UUID] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    began: Mapped[datetime]
    counts: Mapped[list[int | None]] = mapped_column(ARRAY(Integer))


class SlowPeriod(Base):
    """A time that a connection was online and slow, once it is over."""

    __tablename__ = "slow_periods"
    __table_args__ = (
        Index("ix_slow_periods_connection_id_ended", "connection_id", "ended"),
        Index("ix_slow_periods_ended", "ended"),  # for what is too old to be kept
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    connection_id: Mapped[UUID]
    began: Mapped[datetime]
    ended: Mapped[datetime]


class KeptHistory(Base):
    """What a disconnected connection was: its history above is kept under its id, and waits for the
    same account to be connected again. Columns are those of `connections`.
    """

    __tablename__ = "kept_histories"
    __table_args__ = (Index("ix_kept_histories_disconnected_at", "disconnected_at"),)

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[UUID] = mapped_column(unique=True)
    label: Mapped[str | None]
    name: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(String))
    connected_at: Mapped[datetime]
    last_checked_at: Mapped[datetime | None]
    watched_until: Mapped[datetime]
    baseline_ms: Mapped[int | None]
    check_count: Mapped[int]
    unaggregated_count: Mapped[int] = mapped_column(SmallInteger)
    recent_latencies: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    disconnected_at: Mapped[datetime] = mapped_column(server_default=func.now())


FAILING, REFUSING = "failing", "refusing"  # kinds of a provider's outage


class ProviderOutage(Base):
    """An outage of a provider: it failed for so many at once that they have one cause, or refused
    everybody's grants.
    """

    __tablename__ = "provider_outages"
    __table_args__ = (
        Index(
            "uq_provider_outages_open",
            "provider",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_provider_outages_opened_at", "opened_at"),
        CheckConstraint(check_one_of("kind", [FAILING, REFUSING]), name="kind"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    provider: Mapped[str]
    cause: Mapped[str]
    evidence: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    sampled_at: Mapped[datetime] = mapped_column(server_default=func.now())
    kind: Mapped[str] = mapped_column(server_default=FAILING)
    good_samples: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # in a row
    counted_at: Mapped[datetime | None]  # `sampled_at` of the last sample that was counted
    told_from: Mapped[datetime | None]  # people are told from then on; NULL: at once


class RefusalCount(Base):
    """How many grants of a provider were refused for good on one day, outside of any wave: what is
    usual there. Four weeks are kept, so a provider has 28 rows at most.
    """

    __tablename__ = "refusal_counts"

    provider: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    refusals: Mapped[int]
