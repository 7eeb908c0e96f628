"""Beside step 1 of a check: the schedule is kept by the database's clock, which may be wrong.

When it steps forward, everything falls due at once, which the rate limiter bounds. When it steps
back, what was scheduled in the time that is taken back would wait until that time has come again:
that is repaired here.
"""

import time
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.grants.refresh import CHECK_LEASE

CLOCK_SLACK = 5.0  # seconds; a smaller step back may be an answer of the database that came late
LONGEST_RETRY_PAUSE = timedelta(hours=1)  # between two tries to revoke a grant

LOCK_CLOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('svyazka clock'))")
DATABASE_NOW = text("SELECT extract(epoch FROM clock_timestamp())::float8")
PUT_RIGHT = (
    text(
        """
        UPDATE connections
        SET next_check_at = now() + random() * CAST(:interval AS interval),
            last_checked_at = least(last_checked_at, now()),
            lease_id = NULL, lease_until = NULL, lease_monitor_id = NULL
        WHERE last_checked_at > now() OR lease_until > now() + CAST(:lease AS interval)
        """
    ),
    text("UPDATE provider_outages SET sampled_at = now() WHERE sampled_at > now()"),
    text(
        """
        UPDATE revocations SET next_try_at = now() + CAST(:pause AS interval)
        WHERE next_try_at > now() + CAST(:pause AS interval)
        """
    ),
    text("DELETE FROM monitors WHERE beat_at > now() + CAST(:lease AS interval)"),
)


class DatabaseClock:
    """Compares the database's clock with a monotonic one of this process."""

    def __init__(self) -> None:
        self._ahead: float | None = None  # seconds; None: a monitor that starts cannot know

    async def follow(self, session: AsyncSession, interval: float) -> None:
        """Read the clock, and repair what a step back has left."""
        ahead = (await session.scalar(DATABASE_NOW) or 0.0) - time.monotonic()
        if self._ahead is None or ahead < self._ahead - CLOCK_SLACK:
            await _put_right(session, timedelta(seconds=interval))
        self._ahead = ahead


async def _put_right(session: AsyncSession, interval: timedelta) -> None:
    if not await session.scalar(LOCK_CLOCK):
        return  # another monitor does it
    values = {"interval": interval, "lease": CHECK_LEASE, "pause": LONGEST_RETRY_PAUSE}
    for statement in PUT_RIGHT:
        wanted = {name: values[name] for name in statement.compile().params}
        await session.execute(statement, wanted)
