"""Provider-wide outages: a provider that fails for many at once has an outage of its own.

While it lasts, a few of its connections are checked every 30 seconds, as a sample; when the sample
is well, all of them are checked again, spread over a minute (docs/decisions/0012).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.connection import Cause
from app.models.history import ProviderOutage
from app.realtime.events import announce_provider

LEAST_FAILING = 5  # connections that fail; fewer may have reasons of their own
RECENT_WINDOW = timedelta(minutes=2)  # how old a check may be to count
OUTAGE_BURST = timedelta(minutes=15)  # what has failed for longer does not date its start
SAMPLE = 5  # connections checked at once while an outage lasts
QUORUM = 3  # connections of a sample that must have been checked before it can end the outage
SAMPLE_PAUSE = 30.0  # seconds between two samples, unless the interval is shorter
SCHEDULE_SPREAD = 60.0  # seconds over which all are checked again, unless the interval is shorter
SCHEDULE_CHUNK = 5_000  # connections that are put on the schedule in one transaction
ENOUGH_CHECKS = 10_000  # recent checks counted at most: enough for a share

PROVIDER_CAUSES = [cause.value for cause in Cause if cause.fault == "provider"]

# A refused grant says nothing about the provider, and stays refused while the provider is down.
_GRANT_WORKS = "status NOT IN ('blocked', 'revoked')"

# `recent`: checks that count, at most :enough. `askable`: connections that were checked since
# :after, or that a sample may check now, as the provider's spacing allows; counted up to :quorum,
# since no more are needed to end an outage.
COUNT_CHECKS = text(
    f"""
    WITH recent AS (
        SELECT cause, evidence, since,
               coalesce(cause = ANY(CAST(:theirs AS text[])), false) AS fails
        FROM connections
        WHERE provider = :provider AND last_checked_at > :after AND {_GRANT_WORKS}
        LIMIT :enough
    ),
    askable AS (
        SELECT FROM connections
        WHERE provider = :provider AND {_GRANT_WORKS}
          AND (last_checked_at > :after
               OR last_checked_at IS NULL
               OR last_checked_at <= now() - CAST(:spacing AS interval))
        LIMIT :quorum
    )
    SELECT count(*) AS seen,
           count(*) FILTER (WHERE fails) AS failing,
           mode() WITHIN GROUP (ORDER BY cause) FILTER (WHERE fails) AS cause,
           mode() WITHIN GROUP (ORDER BY evidence) FILTER (WHERE fails) AS evidence,
           min(since) FILTER (WHERE fails AND since > now() - CAST(:burst AS interval)) AS since,
           (SELECT count(*) FROM askable) AS quorum
    FROM recent
    """
)

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
# Not MATERIALIZED, the subquery might run again, and lock other rows than are updated.
PUT_ON_SCHEDULE = text(
    f"""
    WITH late AS MATERIALIZED (
        SELECT id FROM connections
        WHERE provider = :provider AND {_GRANT_WORKS} AND ({_FELL_DUE} OR {_BACKED_OFF})
        LIMIT :chunk FOR UPDATE SKIP LOCKED
    )
    UPDATE connections c
    SET next_check_at = greatest(:ended + random() * CAST(:spread AS interval),
                                 c.last_checked_at + CAST(:spacing AS interval))
    FROM late WHERE c.id = late.id
    RETURNING c.id
    """
)


@dataclass(frozen=True)
class RecentChecks:
    """Recent checks of one provider: of how many connections, and how many of them failed."""

    seen: int
    failing: int
    quorum: int = 0  # how many must be seen to end an outage: QUORUM, or all who may be asked


def is_outage(checks: RecentChecks) -> bool:
    return checks.failing >= LEAST_FAILING and checks.failing * 2 >= checks.seen


def is_over(checks: RecentChecks) -> bool:
    """A fifth at most fails, where half opened it: a provider that half works does not flap."""
    return checks.seen >= checks.quorum and checks.failing * 5 <= checks.seen


async def open_ones(session: AsyncSession) -> dict[str, datetime]:
    """Which providers have an outage, and since when."""
    query = select(ProviderOutage.provider, ProviderOutage.opened_at)
    rows = await session.execute(query.where(ProviderOutage.closed_at.is_(None)))
    return {row.provider: row.opened_at for row in rows}


async def follow(session: AsyncSession, provider: str, spacing: float = 0.0) -> datetime | None:
    """Open or close the provider's outage, so that it agrees with the recent checks.

    `spacing`: as in `put_on_schedule`, which is to be called when this returns a time: the outage
    ended then, just now.
    """
    opened = await session.scalar(
        select(ProviderOutage)
        .where(ProviderOutage.provider == provider, ProviderOutage.closed_at.is_(None))
        .with_for_update()
    )
    if opened is None:
        await _open_if_it_is_one(session, provider)
        return None
    seen = await _count(session, provider, opened.sampled_at, spacing)
    if not is_over(RecentChecks(seen.seen, seen.failing, seen.quorum)):
        return None
    ended = opened.closed_at = await _now(session)
    await session.flush()
    await announce_provider(session, provider)
    return ended


async def take_turn(session: AsyncSession, provider: str, interval: float) -> bool:
    """Is it time for the next sample? True in one process of all."""
    pause = timedelta(seconds=min(SAMPLE_PAUSE, interval))
    turn = (
        update(ProviderOutage)
        .where(
            ProviderOutage.provider == provider,
            ProviderOutage.closed_at.is_(None),
            or_(  # the future: the clock has stepped back since
                ProviderOutage.sampled_at <= func.now() - pause,
                ProviderOutage.sampled_at > func.now(),
            ),
        )
        .values(sampled_at=func.now())
        .returning(ProviderOutage.id)
    )
    return await session.scalar(turn) is not None


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


async def _open_if_it_is_one(session: AsyncSession, provider: str) -> None:
    now, ended = await _now(session), await _last_end(session, provider)
    # What failed in the outage before says nothing about a new one.
    after = max(now - RECENT_WINDOW, ended) if ended else now - RECENT_WINDOW
    seen = await _count(session, provider, after)
    if not is_outage(RecentChecks(seen.seen, seen.failing)):
        return
    outage = insert(ProviderOutage).values(
        provider=provider,
        cause=seen.cause,
        evidence=seen.evidence or "",
        opened_at=max(seen.since or now, ended) if ended else seen.since or now,
    )
    opened = await session.scalar(outage.on_conflict_do_nothing().returning(ProviderOutage.id))
    if opened is not None:
        await announce_provider(session, provider)


async def _last_end(session: AsyncSession, provider: str) -> datetime | None:
    """Not one in the future, which a clock wrote that has stepped back since."""
    ended = select(func.max(ProviderOutage.closed_at)).where(ProviderOutage.closed_at <= func.now())
    return await session.scalar(ended.where(ProviderOutage.provider == provider))


async def _count(
    session: AsyncSession, provider: str, after: datetime, spacing: float = 0.0
) -> Row[Any]:
    values = {
        "provider": provider,
        "after": after,
        "theirs": PROVIDER_CAUSES,
        "burst": OUTAGE_BURST,
        "enough": ENOUGH_CHECKS,
        "quorum": QUORUM,
        "spacing": timedelta(seconds=spacing),
    }
    return (await session.execute(COUNT_CHECKS, values)).one()


async def _now(session: AsyncSession) -> datetime:
    return (await session.scalars(select(func.now()))).one()
