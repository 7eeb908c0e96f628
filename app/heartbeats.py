"""Is anybody checking at all? Every monitor keeps a row with its last sign of life."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Monitor

FRESH = timedelta(seconds=30)  # a monitor beats every few seconds
FORGOTTEN = timedelta(hours=1)  # rows of monitors that died are kept for so long


async def beat(session: AsyncSession, monitor_id: UUID) -> None:
    row = insert(Monitor).values(id=monitor_id)
    await session.execute(
        row.on_conflict_do_update(index_elements=["id"], set_={"beat_at": func.now()})
    )


async def stop(session: AsyncSession, monitor_id: UUID) -> None:
    await session.execute(delete(Monitor).where(Monitor.id == monitor_id))


async def monitor_alive(session: AsyncSession) -> bool:
    fresh = select(exists().where(Monitor.beat_at > func.now() - FRESH))
    return bool(await session.scalar(fresh))


async def forget_dead_monitors(session: AsyncSession) -> None:
    await session.execute(delete(Monitor).where(Monitor.beat_at < func.now() - FORGOTTEN))
