"""Provider-wide outages: a provider that fails for many at once has an outage of its own.

While it lasts, a few of its connections are checked every 30 seconds, as a sample; when the sample
is well, all of them are checked again, spread over a minute (docs/decisions/0012).
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Interval, Row, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.commit_log import log_when_committed
from app.history import refusal_waves
from app.history.refusal_waves import RecentChecks
from app.history.rescheduling import GRANT_WORKS
from app.logging import LogEvent
from app.models.connection import Cause
from app.models.history import FAILING, REFUSING, ProviderOutage
from app.models.pause import NOT_PAUSED
from app.realtime.events import announce_provider

log = logging.getLogger(__name__)

WAVE_WINDOW = 300.0  # seconds within which refusals count as one event
WAVE_PATIENCE = 3_600.0  # seconds of refusing everybody, until people are told
LEAST_FAILING = 5  # connections that fail; fewer may have reasons of their own
RECENT_WINDOW = timedelta(minutes=2)  # how old a check may be to count
OUTAGE_BURST = timedelta(minutes=15)  # what has failed for longer does not date its start
SAMPLE = 5  # connections checked at once while an outage lasts
GOOD_SAMPLES = 2  # in a row end an outage: one alone may be luck
LEAST_SHARE_FAILING = 10  # a tenth of a sample may fail in an outage that is over
QUORUM = 3  # connections of a sample that must have been checked before it can end the outage
SAMPLE_PAUSE = 30.0  # seconds between two samples, unless the interval is shorter
ENOUGH_CHECKS = 10_000  # recent checks counted at most: enough for a share

# Without those that refuse a grant: many of them at once are a wave.
PROVIDER_CAUSES = [
    cause.value
    for cause in Cause
    if cause.fault == "provider" and cause not in refusal_waves.WAVE_CAUSES
]

# `recent`: checks that count, at most :enough. `askable`: connections that were checked since
# :after, or that a sample may check now, as the provider's spacing allows; counted up to :quorum,
# since no more are needed to end an outage.
COUNT_CHECKS = text(
    f"""
    WITH recent AS (
        SELECT cause, evidence, since,
               coalesce(cause = ANY(CAST(:theirs AS text[])), false) AS fails
        FROM connections
        WHERE provider = :provider AND last_checked_at > :after AND {GRANT_WORKS}
        LIMIT :enough
    ),
    askable AS (
        SELECT FROM connections
        WHERE provider = :provider AND {GRANT_WORKS}
          AND {NOT_PAUSED}
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

TAKE_TURN = (
    update(ProviderOutage)
    .where(
        ProviderOutage.provider == bindparam("whose"),
        ProviderOutage.closed_at.is_(None),
        or_(  # the future: the clock has stepped back since
            ProviderOutage.sampled_at <= func.now() - bindparam("pause", type_=Interval),
            ProviderOutage.sampled_at > func.now(),
        ),
    )
    .values(sampled_at=func.now())
    .returning(ProviderOutage.id)
)


def is_outage(checks: RecentChecks) -> bool:
    return checks.failing >= LEAST_FAILING and checks.failing * 2 >= checks.seen


def is_good_sample(sample: RecentChecks) -> bool:
    """Far from where it began, so that a provider that half works does not go back and forth."""
    return sample.seen >= sample.quorum and sample.failing * LEAST_SHARE_FAILING <= sample.seen


async def open_ones(session: AsyncSession) -> dict[str, str]:
    """Which providers are out, and with which kind of outage."""
    query = select(ProviderOutage.provider, ProviderOutage.kind)
    rows = await session.execute(query.where(ProviderOutage.closed_at.is_(None)))
    return {row.provider: row.kind for row in rows}


async def would_open(session: AsyncSession, provider: str, window: float = WAVE_WINDOW) -> bool:
    """Do the last looks show an outage or a wave of refusals? `window`: seconds, of a wave."""
    ended = await last_end(session, provider)
    if await _failures_now(session, provider, ended) is not None:
        return True
    return await refusal_waves.seen_now(session, provider, window, ended) is not None


async def follow(
    session: AsyncSession,
    provider: str,
    spacing: float = 0.0,
    window: float = WAVE_WINDOW,
    patience: float = WAVE_PATIENCE,
) -> datetime | None:
    """Open or close the provider's outage, so that it agrees with what was seen of late.

    `spacing`: as in `rescheduling.put_on_schedule`, which is to be called when this returns a time:
    the outage ended then, just now. `window`, `patience`: seconds within which refusals are a wave,
    and until people are told of one.
    """
    opened = await _open_one(session, provider)
    if opened is None:
        await _open_if_it_is_one(session, provider, window, patience)
        return None
    if not await _is_ending(session, opened, spacing):
        return None
    ended = opened.closed_at = await _now(session)
    await session.flush()
    seconds = (ended - opened.opened_at).total_seconds()
    over = LogEvent("wave_closed", provider=provider, kind=opened.kind, seconds=seconds)
    log_when_committed(session, log, [over], logging.WARNING)
    await announce_provider(session, provider)
    return ended


async def last_end(session: AsyncSession, provider: str) -> datetime | None:
    """When its last outage ended. Not one that a clock which has gone back since dated ahead."""
    ended = select(func.max(ProviderOutage.closed_at)).where(ProviderOutage.closed_at <= func.now())
    return await session.scalar(ended.where(ProviderOutage.provider == provider))


async def take_turn(session: AsyncSession, provider: str, interval: float) -> bool:
    """Is it time for the next sample? True in one process of all."""
    pause = timedelta(seconds=min(SAMPLE_PAUSE, interval))
    return await session.scalar(TAKE_TURN, {"whose": provider, "pause": pause}) is not None


async def _open_one(session: AsyncSession, provider: str) -> ProviderOutage | None:
    going_on = select(ProviderOutage).where(
        ProviderOutage.provider == provider, ProviderOutage.closed_at.is_(None)
    )
    return await session.scalar(going_on.with_for_update())


async def _open_if_it_is_one(
    session: AsyncSession, provider: str, window: float, patience: float
) -> None:
    ended = await last_end(session, provider)
    kind, found, told_from = FAILING, await _failures_now(session, provider, ended), None
    if found is None:
        kind = REFUSING
        found = await refusal_waves.seen_now(session, provider, window, ended)
        told_from = found and found.since + timedelta(seconds=patience)
    if found is None:
        return
    began = found.since or await _now(session)
    outage = insert(ProviderOutage).values(
        provider=provider,
        kind=kind,
        cause=found.cause,
        evidence=found.evidence or "",
        opened_at=max(began, ended) if ended else began,
        told_from=told_from,
    )
    opened = await session.scalar(outage.on_conflict_do_nothing().returning(ProviderOutage.id))
    if opened is not None:
        began = LogEvent("wave_opened", provider=provider, kind=kind, cause=found.cause)
        log_when_committed(session, log, [began], logging.ERROR)
        await announce_provider(session, provider)


async def _failures_now(
    session: AsyncSession, provider: str, ended: datetime | None
) -> Row[Any] | None:
    """What the last looks show; None where they show no outage. `ended`: when the last one did;
    what failed in it says nothing about a new one.
    """
    now = await _now(session)
    after = max(now - RECENT_WINDOW, ended) if ended else now - RECENT_WINDOW
    seen = await _count(session, provider, after)
    return seen if is_outage(RecentChecks(seen.seen, seen.failing)) else None


async def _is_ending(session: AsyncSession, outage: ProviderOutage, spacing: float) -> bool:
    """Was the last sample well, as the one before it was? Each counts once, however often one
    looks, and says nothing before enough of it is answered.
    """
    if outage.kind == REFUSING:
        if await refusal_waves.works_anew(session, outage.provider, outage.opened_at):
            return True
        sample = await refusal_waves.sample(session, outage, spacing)
    else:
        seen = await _count(session, outage.provider, outage.sampled_at, spacing)
        sample = RecentChecks(seen.seen, seen.failing, seen.quorum)
    if not is_good_sample(sample):
        if sample.failing:
            outage.good_samples = 0
        return False
    if outage.counted_at != outage.sampled_at:
        outage.good_samples += 1
        outage.counted_at = outage.sampled_at
    return outage.good_samples >= GOOD_SAMPLES


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
