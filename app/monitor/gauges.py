"""What an operator asks of the whole installation, as gauges of `/metrics`, read from the database.

Any process may serve them, with the same figures: take the maximum over processes, not the sum.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app import metrics
from app.database.engine import Sessions
from app.models.pause import NOT_PAUSED
from app.providers.provider import Catalogue

FRESH = 15.0  # seconds: the first question reads every connection, so scrapes share an answer
PATIENCE = 5.0  # seconds for the database

CONNECTIONS = text(
    "SELECT provider, status, count(*), extract(epoch FROM now() - min(next_check_at))"
    " FROM connections WHERE replaces_connection_id IS NULL"
    f" AND {NOT_PAUSED} GROUP BY 1, 2"
)
MONITORS = text(
    "SELECT count(*), count(cut_off_since) FROM monitors"
    " WHERE beat_at > now() - interval '30 seconds'"
)
OUTAGES = text("SELECT count(*) FROM outages WHERE closed_at IS NULL")
PROVIDER_OUTAGES = text("SELECT provider FROM provider_outages WHERE closed_at IS NULL")
# What waits for quiet hours or after a refusal is not late.
DELIVERIES = text(
    "SELECT count(*), extract(epoch FROM now() -"
    " min(d.created_at) FILTER (WHERE c.next_try_at <= now()))"
    " FROM deliveries d JOIN alert_channels c ON c.id = d.channel_id"
    " WHERE d.state = 'waiting' AND c.state = 'on'"
)


class Gauges:
    """Reads them at most once in FRESH seconds, however many ask."""

    def __init__(self, sessions: Sessions, catalogue: Catalogue) -> None:
        self._sessions, self._catalogue = sessions, catalogue
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")

    async def refresh(self) -> None:
        """A database that is away is a gauge too; then the others keep nothing of before."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at < FRESH:
                return
            try:
                async with asyncio.timeout(PATIENCE), self._sessions() as session:
                    await self._read(session)
                metrics.DATABASE_UP.set(1)
            except (SQLAlchemyError, OSError, TimeoutError):
                _forget()
                metrics.DATABASE_UP.set(0)
            self._read_at = now

    async def _read(self, session: AsyncSession) -> None:
        self._show_connections((await session.execute(CONNECTIONS)).all())
        alive, offline = (await session.execute(MONITORS)).one()
        metrics.MONITORS.labels("online").set(alive - offline)
        metrics.MONITORS.labels("offline").set(offline)
        metrics.OPEN_OUTAGES.set(await session.scalar(OUTAGES) or 0)
        failing = set(await session.scalars(PROVIDER_OUTAGES))
        for name in self._catalogue:
            metrics.PROVIDER_OUTAGE.labels(name).set(name in failing)
        waiting, age = (await session.execute(DELIVERIES)).one()
        metrics.ALERTS_WAITING.set(waiting)
        metrics.ALERTS_AGE.set(max(0.0, float(age or 0)))

    def _show_connections(self, rows: Iterable[Any]) -> None:
        """Connections of a provider that is not configured are not checked, and never late."""
        metrics.CONNECTIONS.clear()
        late = {each.name: 0.0 for each in self._catalogue.values() if each.configured}
        for provider, status, count, seconds in rows:
            metrics.CONNECTIONS.labels(provider, status).set(count)
            if provider in late:
                late[provider] = max(late[provider], float(seconds or 0))
        for provider, seconds in late.items():
            metrics.OVERDUE_SECONDS.labels(provider).set(seconds)


def _forget() -> None:
    for gauge in (metrics.CONNECTIONS, metrics.OVERDUE_SECONDS, metrics.MONITORS):
        gauge.clear()
    metrics.PROVIDER_OUTAGE.clear()
    for number in (metrics.OPEN_OUTAGES, metrics.ALERTS_WAITING, metrics.ALERTS_AGE):
        number.set(float("nan"))
