"""Which connections wait for their owner: they do not work, and nobody else can mend them."""

from sqlalchemy import and_, not_

from app.models.connection import Connection, Status
from app.models.pause import IS_PAUSED

AWAITED = (Status.BLOCKED, Status.REVOKED)
WAITING_FOR_OWNER = and_(
    Connection.status.in_(AWAITED),
    Connection.replaces_connection_id.is_(None),
    not_(IS_PAUSED),
)
