"""The processes that live now, and which token keys they know by id."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, String, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class LiveProcess(Base):
    """A web or a worker: its row is written again and again, and deleted at its end."""

    __tablename__ = "live_processes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]  # role, pid and host, for people
    key_ids: Mapped[list[str]] = mapped_column(ARRAY(String))
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
