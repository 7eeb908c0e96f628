"""A past that a test writes down: last month, in Moscow, with outages where the test wants them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import insert, update

from app.database.engine import Database
from app.history.periods import TimeRange, month
from app.models.connection import UNWATCHED, Cause, Connection, Status
from app.models.history import Outage

MOSCOW = ZoneInfo("Europe/Moscow")  # the settings' zone
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STATUSES = {"provider": Status.OFFLINE, "you": Status.BLOCKED, "us": UNWATCHED}


def last_month(zone: ZoneInfo = MOSCOW) -> TimeRange:
    first = datetime.now(UTC).astimezone(zone).replace(day=1)
    before = first - timedelta(days=1)
    return month(before.year, before.month, zone)


def name_of(window: TimeRange, zone: ZoneInfo = MOSCOW) -> str:
    """As an address has it."""
    return f"{window.began.astimezone(zone):%Y-%m}"


async def age(database: Database, card: dict[str, Any], days: int = 100) -> None:
    """The connection was made so long ago, and worked ever since."""
    old = datetime.now(UTC) - timedelta(days=days)
    async with database.sessions.begin() as session:
        query = update(Connection).where(Connection.id == UUID(card["id"]))
        await session.execute(query.values(connected_at=old))


async def was(
    database: Database,
    card: dict[str, Any],
    began: datetime,
    lasted: timedelta | None,
    cause: Cause | None = Cause.PROVIDER_ERROR,
) -> None:
    """An outage, or without a cause a time that nobody watched; it goes on where none `lasted`."""
    fault = cause.fault if cause else "us"
    async with database.sessions.begin() as session:
        await session.execute(
            insert(Outage).values(
                connection_id=UUID(card["id"]),
                status=STATUSES[fault],
                cause=cause,
                fault=fault,
                opened_at=began,
                closed_at=began + lasted if lasted is not None else None,
                evidence="GET /stores → 503 за 412 мс" if cause else "",
                last_evidence="",
            )
        )
