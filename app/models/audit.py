"""The table of the audit log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class AuditLogEntry(Base):
    """One event, of a user or of the service; never changed, see app/audit_log.py."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_user_id_id", "user_id", "id"),
        Index("ix_audit_log_connection_id_deed_at", "connection_id", "deed", "at"),
        Index("ix_audit_log_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    deed: Mapped[str]
    connection_id: Mapped[UUID | None]  # it may be deleted
    provider: Mapped[str | None]
    label: Mapped[str | None]
    device: Mapped[str] = mapped_column(server_default="")
    who: Mapped[str] = mapped_column(server_default="person")  # one of audit_log.ActorKind
    receipt: Mapped[dict[str, str] | None] = mapped_column(JSONB)  # see app/grants/receipts.py
