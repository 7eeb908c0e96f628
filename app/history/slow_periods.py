"""When a connection was online and slow. A row is written when it has recovered, or failed; what
still lasts is in its own row, `slow_since`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.engine import Reader
from app.history.outages import OUTAGES_KEPT, OUTAGES_PRUNED
from app.history.periods import TimeRange

KEEP_PERIODS = text(
    """
    INSERT INTO slow_periods (connection_id, began, ended)
    SELECT id, began, greatest(began, now())
    FROM unnest(CAST(:ids AS uuid[]), CAST(:begins AS timestamptz[])) AS over(id, began)
    """
)
END_PERIOD = text(
    """
    INSERT INTO slow_periods (connection_id, began, ended)
    SELECT id, slow_since, greatest(slow_since, now()) FROM connections
    WHERE id = :id AND slow_since IS NOT NULL
    """
)
SLOW_TIME = text(
    """
    SELECT count(*), coalesce(sum(least(ended, :until) - greatest(began, :since)), interval '0')
    FROM (
        SELECT began, ended FROM slow_periods WHERE connection_id = :id
        UNION ALL
        SELECT slow_since, CAST(:now AS timestamptz) FROM connections
        WHERE id = :id AND slow_since IS NOT NULL
    ) AS periods WHERE began < :until AND ended > :since
    """
)
PRUNE_PERIODS = text(
    """
    DELETE FROM slow_periods WHERE id = ANY(ARRAY(
        SELECT id FROM slow_periods WHERE ended < now() - CAST(:kept AS interval) LIMIT :most))
    RETURNING id
    """
)


@dataclass(frozen=True)
class SlowTime:
    """How often within a window, and for how long in all."""

    count: int = 0
    lasted: timedelta = timedelta(0)


async def keep_periods(session: AsyncSession, over: Mapping[UUID, datetime]) -> None:
    """They began then, and are over now."""
    await session.execute(KEEP_PERIODS, {"ids": list(over), "begins": list(over.values())})


async def end(session: AsyncSession, connection_id: UUID) -> None:
    """Of a connection that is about to be deleted, while its history is kept."""
    await session.execute(END_PERIOD, {"id": connection_id})


async def slow_time(
    session: Reader, connection_id: UUID, window: TimeRange, now: datetime
) -> SlowTime:
    given = {"id": connection_id, "since": window.began, "until": window.ended, "now": now}
    return SlowTime(*(await session.execute(SLOW_TIME, given)).one())


async def prune(session: AsyncSession) -> bool:
    """Delete some of what ended too long ago; True when there may be more."""
    gone = await session.scalars(PRUNE_PERIODS, {"kept": OUTAGES_KEPT, "most": OUTAGES_PRUNED})
    return len(gone.all()) == OUTAGES_PRUNED
