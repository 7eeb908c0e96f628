"""A provider that refuses many grants of several people at once: one trouble, and nobody's move.

Far more refusals than usual within a few minutes are no coincidence: the provider stumbles, or our
application was switched off there. Nobody is asked to reconnect before a grant that was given
meanwhile is seen to work (docs/decisions/0022).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.connection import Cause
from app.models.history import ProviderOutage, RefusalCount

USUAL_DAYS = 28  # how many days say what is usual
LEAST_REFUSED = 2
LEAST_PEOPLE = 2
LEAST_SHARE = 5  # a fifth of what was looked at
MANY = 10  # so many are an event however many others are served
ABOVE_USUAL = 3  # times as many as usual
SAMPLE_QUORUM = (
    3  # connections of a sample that must have been seen, before it says that all is well
)
ENOUGH_LOOKS = 10_000  # recent looks that are counted at most
DAY_SECONDS = 86_400.0  # seconds

WAVE_CAUSES = [
    cause.value
    for cause in (
        Cause.REVOKED,
        Cause.ACCESS_DENIED,
        Cause.PAYMENT_REQUIRED,
        Cause.INCONSISTENT,
    )
]
SEEN = text(
    """
    WITH seen AS (
        SELECT user_id, cause, evidence, since,
               coalesce(cause = ANY(CAST(:refusing AS text[])) AND since > :after, false) AS refused
        FROM connections
        WHERE provider = :provider AND last_checked_at > :after
          AND replaces_connection_id IS NULL
        LIMIT :enough
    )
    SELECT count(*) AS seen, count(*) FILTER (WHERE refused) AS refused,
           count(DISTINCT user_id) FILTER (WHERE refused) AS people,
           mode() WITHIN GROUP (ORDER BY cause) FILTER (WHERE refused) AS cause,
           mode() WITHIN GROUP (ORDER BY evidence) FILTER (WHERE refused) AS evidence,
           min(since) FILTER (WHERE refused) AS since
    FROM seen
    """
)
SAMPLED = text(
    """
    WITH there AS (
        SELECT coalesce(cause = ANY(CAST(:refusing AS text[])), false) AS refused, last_checked_at
        FROM connections
        WHERE provider = :provider AND replaces_connection_id IS NULL
          AND (since >= :opened OR status NOT IN ('blocked', 'revoked'))
          AND (last_checked_at > :after OR last_checked_at IS NULL
               OR last_checked_at <= now() - CAST(:spacing AS interval))
        LIMIT :enough
    )
    SELECT count(*) FILTER (WHERE last_checked_at > :after) AS seen,
           count(*) FILTER (WHERE last_checked_at > :after AND refused) AS refused,
           least(count(*), :quorum) AS quorum
    FROM there
    """
)
# A grant that was given since then, and works: so a reconnect helps.
WORKS_ANEW = text(
    """
    SELECT EXISTS (
        SELECT FROM grants g JOIN connections c ON c.id = g.connection_id
        WHERE c.provider = :provider AND c.is_online
          AND g.granted_at > :since AND c.last_checked_at > g.granted_at
    )
    """
)
USUAL = text(
    """
    SELECT coalesce(sum(refusals), 0) FROM refusal_counts
    WHERE provider = :provider AND day > current_date - CAST(:days AS int)
    """
)


@dataclass(frozen=True)
class RecentChecks:
    """Connections of one provider by their last look: how many, and how many of them failed."""

    seen: int
    failing: int
    quorum: int = (
        0  # how many must be seen to end an outage: SAMPLE_QUORUM, or all who may be asked
    )


@dataclass(frozen=True)
class Refusals:
    """What was seen of one provider's connections within a few minutes."""

    seen: int
    refused: int  # that began to be refused within it
    people: int  # whose these are
    usual: float = 0.0  # refusals that are to be expected in that time


def is_wave(refusals: Refusals) -> bool:
    """Are these more refusals at once than people taking their grants back one by one?"""
    if refusals.people < LEAST_PEOPLE or refusals.refused < LEAST_REFUSED:
        return False
    if refusals.refused <= ABOVE_USUAL * refusals.usual:
        return False
    return refusals.refused >= MANY or refusals.refused * LEAST_SHARE >= refusals.seen


async def seen_now(
    session: AsyncSession, provider: str, window: float, ended: datetime | None
) -> Row[Any] | None:
    """What the last looks show (since, cause, evidence); None where they show no wave.

    `window`: seconds. `ended`: when the provider's last outage did; what was refused before says
    nothing about a new one.
    """
    now: datetime = (await session.scalars(select(func.now()))).one()
    after = now - timedelta(seconds=window)
    values = _values(provider, max(after, ended) if ended else after)
    seen = (await session.execute(SEEN, values)).one()
    usual = await _usual(session, provider) * window / DAY_SECONDS
    if not is_wave(Refusals(seen.seen, seen.refused, seen.people, usual)):
        return None
    return None if await works_anew(session, provider, seen.since) else seen


async def sample(session: AsyncSession, wave: ProviderOutage, spacing: float) -> RecentChecks:
    """What the last sample of a wave brought."""
    values = _values(wave.provider, wave.sampled_at) | {
        "opened": wave.opened_at,
        "spacing": timedelta(seconds=spacing),
        "quorum": SAMPLE_QUORUM,
    }
    seen = (await session.execute(SAMPLED, values)).one()
    return RecentChecks(seen.seen, seen.refused, seen.quorum)


async def works_anew(session: AsyncSession, provider: str, since: datetime) -> bool:
    """Does a grant work that was given after `since`?"""
    return bool(await session.scalar(WORKS_ANEW, {"provider": provider, "since": since}))


async def note_refusals(session: AsyncSession, refusals: Mapping[str, int]) -> None:
    """Add confirmed refusals, by provider, to what is usual. A wave's own are not confirmed."""
    for provider, number in sorted(refusals.items()):
        counted = insert(RefusalCount).values(
            provider=provider, day=func.current_date(), refusals=number
        )
        await session.execute(
            counted.on_conflict_do_update(
                index_elements=["provider", "day"],
                set_={"refusals": RefusalCount.refusals + number},
            )
        )


async def prune(session: AsyncSession) -> bool:
    """Forget days that say nothing any more about what is usual. Never more than a few rows, so
    False: there is nothing left to do.
    """
    oldest = func.current_date() - USUAL_DAYS
    await session.execute(delete(RefusalCount).where(RefusalCount.day <= oldest))
    return False


async def _usual(session: AsyncSession, provider: str) -> float:
    """Confirmed refusals a day."""
    values = {"provider": provider, "days": USUAL_DAYS}
    return int(await session.scalar(USUAL, values) or 0) / USUAL_DAYS


def _values(provider: str, after: datetime) -> dict[str, Any]:
    return {
        "provider": provider,
        "after": after,
        "refusing": WAVE_CAUSES,
        "enough": ENOUGH_LOOKS,
    }
