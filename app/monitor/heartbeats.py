"""Heartbeats of monitors: a row for each with its last sign of life; who is silent, who checks."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, func, null, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.monitor import MonitorHeartbeat

HEARTBEAT_FRESH = timedelta(seconds=30)  # a monitor beats every few seconds
HEARTBEAT_AHEAD = timedelta(seconds=5)  # a later one is of a clock that has stepped back since
HEARTBEAT_FORGOTTEN = timedelta(hours=1)  # rows of monitors that died are kept for so long


async def beat(session: AsyncSession, monitor_id: UUID, is_offline: bool = False) -> None:
    """Write a heartbeat. An offline monitor cannot reach the network, and checks nothing."""
    row = insert(MonitorHeartbeat).values(
        id=monitor_id, cut_off_since=func.now() if is_offline else None
    )
    since = func.coalesce(MonitorHeartbeat.cut_off_since, func.now()) if is_offline else null()
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["id"], set_={"beat_at": func.now(), "cut_off_since": since}
        )
    )


async def stop(session: AsyncSession, monitor_id: UUID) -> None:
    await session.execute(delete(MonitorHeartbeat).where(MonitorHeartbeat.id == monitor_id))


async def of_others(session: AsyncSession, monitor_id: UUID) -> dict[UUID, datetime]:
    """The last heartbeat of every other monitor."""
    query = select(MonitorHeartbeat.id, MonitorHeartbeat.beat_at)
    rows = await session.execute(query.where(MonitorHeartbeat.id != monitor_id))
    return {row.id: row.beat_at for row in rows}


async def give_up(session: AsyncSession, monitor_id: UUID, last: datetime) -> bool:
    """Delete a monitor's heartbeat, unless it has beaten again since `last` or somebody else was
    quicker. One that was merely slow writes a new row.
    """
    gone = delete(MonitorHeartbeat).where(
        MonitorHeartbeat.id == monitor_id, MonitorHeartbeat.beat_at == last
    )
    return await session.scalar(gone.returning(MonitorHeartbeat.id)) is not None


async def monitor_alive(session: AsyncSession) -> bool:
    return bool(await session.scalar(select(exists().where(_alive()))))


async def count_alive(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).where(_alive())) or 0


async def all_offline(session: AsyncSession) -> bool:
    """Are there live monitors, and are all of them offline?"""
    query = select(func.bool_and(MonitorHeartbeat.cut_off_since.is_not(None))).where(_alive())
    return bool(await session.scalar(query))


async def forget_dead_monitors(session: AsyncSession) -> None:
    await session.execute(
        delete(MonitorHeartbeat).where(MonitorHeartbeat.beat_at < func.now() - HEARTBEAT_FORGOTTEN)
    )


def _alive() -> ColumnElement[bool]:
    return and_(
        MonitorHeartbeat.beat_at > func.now() - HEARTBEAT_FRESH,
        MonitorHeartbeat.beat_at < func.now() + HEARTBEAT_AHEAD,
    )
