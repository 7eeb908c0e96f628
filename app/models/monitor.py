"""Tables of the monitors: their heartbeats, and the last bulk check of each person."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class BulkCheck(Base):
    """A person's last «Проверить все»: when it began, and of which connections."""

    __tablename__ = "bulk_checks"

    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    connection_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    later: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")  # by provider


class MonitorHeartbeat(Base):
    """The last sign of life of a monitor: without any, pages say that nobody checks."""

    __tablename__ = "monitors"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    beat_at: Mapped[datetime] = mapped_column(server_default=func.now())
    cut_off_since: Mapped[datetime | None]  # since when it is offline itself, and checks nothing
