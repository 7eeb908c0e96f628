"""Connections as they are now, as far as deciding goes."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.alerts.facts import Seen
from app.models import Connection, Grant

OVERDUE = timedelta(minutes=5)  # a check that late: monitors are down, or our own network is

COLUMNS = (
    Connection.id,
    Connection.provider,
    Connection.label,
    Connection.status,
    Connection.cause,
    Connection.evidence,
    Connection.since,
    (Connection.next_check_at > func.now() - OVERDUE).label("fresh"),
    Grant.expires_at,
    Grant.granted_at,
    Grant.refresh_token.is_not(None).label("refreshable"),
)


async def see(session: AsyncSession, connection_ids: Sequence[UUID]) -> dict[UUID, Seen]:
    rows = await session.execute(
        select(*COLUMNS)
        .outerjoin(Grant, Grant.connection_id == Connection.id)
        .where(Connection.id.in_(list(connection_ids)))
    )
    return {
        row.id: Seen(
            row.id,
            row.provider,
            row.label,
            row.status,
            row.cause,
            row.evidence,
            row.since,
            row.fresh,
            expires_at=None if row.refreshable else row.expires_at,
            granted_at=row.granted_at,
        )
        for row in rows
    }
