"""Which connections their owners have paused."""

from datetime import UTC, datetime

from sqlalchemy import func

from app.models.connection import Connection

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)  # the end of a pause that its owner will end
NOT_PAUSED = "(paused_until IS NULL OR paused_until <= now())"  # the same in SQL, negated
IS_PAUSED = func.coalesce(Connection.paused_until > func.now(), False)
