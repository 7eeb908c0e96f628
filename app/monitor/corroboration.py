"""Beside step 3: what do other people's grants at the same provider get meanwhile?

A refusal is about this grant only if others are served. Where nobody has looked since it began, a
few of them are looked at out of turn.
"""

from datetime import timedelta

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.history.refusal_waves import WAVE_CAUSES
from app.models.pause import NOT_PAUSED
from app.monitor.causes import Others
from app.monitor.leases import Lease

TROUBLE_WINDOW = 300.0  # seconds that count where a trouble began long ago
WITNESSES = 3  # grants of others that are asked out of turn
ENOUGH_OTHERS = 50  # recent looks at others that are counted at most
REFUSED_LATELY = 3_600.0  # seconds; whoever has been refused for longer is no witness

# `began`: when this connection's trouble began. A refresh of others is counted apart: at a token
# endpoint that refuses our application, APIs serve the tokens that are out.
COUNT_OTHERS = text(
    f"""
    WITH lease AS (
        SELECT CASE WHEN status = 'degraded' THEN since
                    ELSE greatest(since, now() - CAST(:window AS interval)) END AS began
        FROM connections WHERE id = :id
    ), there AS (
        SELECT c.is_online, c.cause, c.since, c.last_checked_at, g.granted_at, g.refreshed_at
        FROM connections c JOIN grants g ON g.connection_id = c.id, lease
        WHERE c.provider = :provider AND c.user_id <> :user_id
          AND c.replaces_connection_id IS NULL
          AND {NOT_PAUSED}
          AND NOT (c.status IN ('blocked', 'revoked')
                   AND c.since < lease.began - CAST(:lately AS interval))
    ), heard AS (
        SELECT there.* FROM there, lease WHERE last_checked_at > lease.began LIMIT :enough
    )
    SELECT EXISTS (SELECT FROM there) AS others,
           count(*) FILTER (WHERE is_online) AS well,
           count(*) FILTER (WHERE cause = ANY(CAST(:refusing AS text[]))) AS refused,
           coalesce(bool_or(is_online AND granted_at > lease.began), false) AS works_anew,
           coalesce(bool_or(refreshed_at > lease.began), false) AS refreshed
    FROM lease LEFT JOIN heard ON true
    """
)
BRING_FORWARD = text(
    f"""
    UPDATE connections SET next_check_at = now()
    WHERE id = ANY(ARRAY(
        SELECT id FROM connections
        WHERE provider = :provider AND user_id <> :user_id AND status = 'online'
          AND next_check_at > now() AND {NOT_PAUSED}
          AND (lease_until IS NULL OR lease_until < now())
          AND (last_checked_at IS NULL OR last_checked_at <= now() - CAST(:spacing AS interval))
        ORDER BY next_check_at LIMIT :witnesses FOR UPDATE SKIP LOCKED))
    """
)


async def others_of(session: AsyncSession, lease: Lease, window: float, *, token: bool) -> Others:
    """What others at the provider got since the trouble of this connection began.

    `window`: seconds that count where it began long ago. `token`: it was refused at the token
    endpoint without a clear reason, so that only a refresh of others tells.
    """
    values = {
        "id": lease.connection_id,
        "provider": lease.provider,
        "user_id": lease.user_id,
        "window": timedelta(seconds=window),
        "lately": timedelta(seconds=REFUSED_LATELY),
        "refusing": WAVE_CAUSES,
        "enough": ENOUGH_OTHERS,
    }
    return of_counts((await session.execute(COUNT_OTHERS, values)).one(), token=token)


def of_counts(seen: Row[tuple[object, ...]], *, token: bool) -> Others:
    """A grant that was given since then and works shows that a reconnect helps, whatever the others
    get.
    """
    if not seen.others:
        return Others.NOBODY
    if token:
        return Others.WELL if seen.refreshed else Others.UNKNOWN
    if seen.works_anew or seen.well > seen.refused:
        return Others.WELL
    return Others.REFUSED if seen.refused else Others.UNKNOWN


async def ask_others(session: AsyncSession, lease: Lease, spacing: float) -> None:
    """Make a few other people's connections due. `spacing`: seconds that the provider wants between
    two looks with one grant.
    """
    values = {
        "provider": lease.provider,
        "user_id": lease.user_id,
        "spacing": timedelta(seconds=spacing),
        "witnesses": WITNESSES,
    }
    await session.execute(BRING_FORWARD, values)
