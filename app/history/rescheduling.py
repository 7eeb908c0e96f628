"""A provider's outage is over: all of its connections are checked again, spread over a minute."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

SCHEDULE_SPREAD = 60.0  # seconds over which all are checked again, unless the interval is shorter
SCHEDULE_CHUNK = 5_000  # connections that are put on the schedule in one transaction

# A refused grant says nothing about the provider, and stays refused while the provider is down.
GRANT_WORKS = "status NOT IN ('blocked', 'revoked')"

# Both are counted from the end of the outage, not from now: what one chunk has moved must not match
# again in the next.
_FELL_DUE = "next_check_at <= :ended"  # while only the sample was asked
# Failed during the outage, and would be looked at again later than needed.
_BACKED_OFF = """
    next_check_at > :ended + CAST(:spread AS interval)
    AND status <> 'online'
    AND last_checked_at <= :ended
    AND next_check_at > last_checked_at + CAST(:spacing AS interval)
"""
# When it was a wave of refusals: refused in it, so that nobody is left with that verdict.
_REFUSED_THEN = """
    since >= (SELECT opened_at FROM provider_outages
              WHERE provider = :provider AND kind = 'refusing' AND closed_at = :ended)
"""
# Not MATERIALIZED, the subquery might run again, and lock other rows than are updated.
PUT_ON_SCHEDULE = text(
    f"""
    WITH late AS MATERIALIZED (
        SELECT id FROM connections
        WHERE provider = :provider AND ({GRANT_WORKS} OR {_REFUSED_THEN})
          AND ({_FELL_DUE} OR {_BACKED_OFF})
        LIMIT :chunk FOR UPDATE SKIP LOCKED
    )
    UPDATE connections c
    SET next_check_at = greatest(:ended + random() * CAST(:spread AS interval),
                                 c.last_checked_at + CAST(:spacing AS interval))
    FROM late WHERE c.id = late.id
    RETURNING c.id
    """
)


async def put_on_schedule(
    session: AsyncSession, provider: str, ended: datetime, interval: float, spacing: float
) -> bool:
    """Spread the next checks of a provider that is well again; False when nothing is left to do.

    `spacing`: seconds that it wants between two checks with one grant.
    """
    values = {
        "provider": provider,
        "ended": ended,
        "spread": timedelta(seconds=min(SCHEDULE_SPREAD, interval)),
        "spacing": timedelta(seconds=spacing),
        "chunk": SCHEDULE_CHUNK,
    }
    return (await session.execute(PUT_ON_SCHEDULE, values)).first() is not None
