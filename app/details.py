"""What the page of one connection shows beyond its card: its grant, and its last outages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.connection import UNWATCHED, Connection, Grant
from app.models.history import Outage

LAST_OUTAGES = 10


@dataclass(frozen=True)
class Details:
    connected_at: datetime
    scopes: list[str]  # empty: not known
    refreshed_at: datetime | None
    refreshable: bool
    in_doubt_since: datetime | None  # a refresh was sent whose answer never came
    outages: Sequence[Outage]  # the newest first


async def details(session: AsyncSession, connection_id: UUID) -> Details | None:
    """None: the connection is gone."""
    query = (
        select(
            Connection.connected_at,
            Grant.scopes,
            Grant.refreshed_at,
            Grant.refresh_token.is_not(None),
            Grant.refresh_sent_at,
        )
        .join(Grant, Grant.connection_id == Connection.id)
        .where(Connection.id == connection_id)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    outages = (
        select(Outage)
        .where(Outage.connection_id == connection_id, Outage.status != UNWATCHED)
        .order_by(Outage.opened_at.desc())
        .limit(LAST_OUTAGES)
    )
    return Details(*row, (await session.scalars(outages)).all())
