"""Reads the state of connections that alert rules decide by."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.alerts.types import ConnectionState, OpenProviderOutage
from app.i18n.connection_titles import title_of
from app.models.connection import RENEWABLE, Connection, Grant
from app.models.history import REFUSING, ProviderOutage
from app.oauth.token_expiry import last_day
from app.providers.provider import Catalogue, Provider

CHECK_OVERDUE = timedelta(minutes=5)  # so late, our own monitors or network must be down

STATE_COLUMNS = (
    Connection.id,
    Connection.provider,
    Connection.label,
    Connection.name,
    Connection.tags,
    Connection.status,
    Connection.cause,
    Connection.evidence,
    Connection.since,
    Connection.transitions,
    Connection.paused_until,
    (Connection.next_check_at > func.now() - CHECK_OVERDUE).label("fresh"),
    Grant.expires_at,
    Grant.granted_at,
    RENEWABLE.label("refreshable"),
)


async def see(
    session: AsyncSession, connection_ids: Sequence[UUID], catalogue: Catalogue
) -> dict[UUID, ConnectionState]:
    outages = await _outages(session)
    rows = await session.execute(
        select(*STATE_COLUMNS)
        .outerjoin(Grant, Grant.connection_id == Connection.id)
        .where(Connection.id.in_(list(connection_ids)))
    )
    return {
        row.id: _seen(row, outages.get(row.provider), catalogue.get(row.provider)) for row in rows
    }


def _seen(row: Any, latest: ProviderOutage | None, provider: Provider | None) -> ConnectionState:
    goes_on = latest is not None and latest.closed_at is None
    return ConnectionState(
        row.id,
        row.provider,
        row.label,
        row.status,
        row.cause,
        row.evidence,
        row.since,
        row.fresh or goes_on,  # during a provider outage only a sample is checked
        tuple(reversed(row.transitions)),
        last_day(row, provider),
        row.granted_at,
        _open(latest) if goes_on and latest else None,
        latest.closed_at if latest else None,
        title_of(row.name, row.label, "") or None,
        tuple(row.tags),
        row.paused_until,
    )


def _open(outage: ProviderOutage) -> OpenProviderOutage:
    return OpenProviderOutage(
        outage.opened_at,
        outage.cause,
        outage.evidence,
        outage.kind == REFUSING,
        outage.told_from,
    )


async def _outages(session: AsyncSession) -> dict[str, ProviderOutage]:
    """The latest provider outage of every provider."""
    latest = select(ProviderOutage).ext(distinct_on(ProviderOutage.provider))
    newest = ProviderOutage.opened_at.desc()
    rows = await session.scalars(latest.order_by(ProviderOutage.provider, newest))
    return {row.provider: row for row in rows}
