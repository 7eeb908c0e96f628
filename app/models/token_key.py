"""The keys that tokens are sealed with: never their bytes."""

from datetime import datetime

from sqlalchemy import LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class TokenKey(Base):
    """The id of a key, and a value that tells other bytes under the same id."""

    __tablename__ = "token_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    check_value: Mapped[bytes] = mapped_column(LargeBinary)
    first_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
