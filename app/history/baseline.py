"""What is usual for a connection: the time that 95 % of its answers of the last weeks did not
exceed. It is counted anew once a day, from the histograms of whole days that are kept anyway.

A connection that stays slow for longer than one day in twenty has a new baseline, and is not slow
any more: that is its usual pace now.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.history.latency import DAY_SLOTS, GROWTH, HOUR_SLOTS

BASELINE_SPAN = timedelta(weeks=4)
ENOUGH_ANSWERS = 200  # a day and a half of checks; with fewer there is no baseline

# The middle of the bucket, as `latency.quantile` has it; `n` counts buckets from 1.
COUNT_BASELINES = text(
    f"""
    WITH counted AS (
        SELECT l.connection_id AS id, bucket.n, sum(bucket.count) AS count
        FROM latencies l, unnest(l.counts) WITH ORDINALITY AS bucket(count, n)
        WHERE l.connection_id = ANY(CAST(:ids AS uuid[])) AND bucket.count IS NOT NULL
          AND l.slot >= {HOUR_SLOTS} AND l.slot < {HOUR_SLOTS + DAY_SLOTS}
          AND l.began > now() - CAST(:span AS interval)
        GROUP BY l.connection_id, bucket.n
    ), running AS (
        SELECT id, n, sum(count) OVER (PARTITION BY id ORDER BY n) AS upto,
               sum(count) OVER (PARTITION BY id) AS whole
        FROM counted
    ), usual AS (
        SELECT DISTINCT ON (id) id, n, whole FROM running
        WHERE upto >= 0.95 * whole ORDER BY id, n
    )
    UPDATE connections c SET baseline_ms = CASE WHEN usual.whole >= :enough
        THEN round(exp((usual.n - 0.5) * {GROWTH})) END
    FROM usual WHERE c.id = usual.id
    """
)


async def refresh_baselines(session: AsyncSession, ids: Collection[UUID]) -> None:
    if ids:
        given = {"ids": list(ids), "span": BASELINE_SPAN, "enough": ENOUGH_ANSWERS}
        await session.execute(COUNT_BASELINES, given)
