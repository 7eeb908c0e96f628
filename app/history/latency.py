"""How long answers took, without keeping any answer for long.

The last 60 stand in the connection's own row (`latency_ring`). When their hour ends, or before they
are written over, they are added ("folded") to two histograms: of their hour, and of their day.
Buckets grow by a tenth, so a quantile is true to 5 %.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.row_arrays import unnest
from app.history.latency_ring import LatencyRing
from app.history.periods import TimeRange
from app.i18n.timezones import zone_named
from app.models.connection import Connection
from app.models.history import Latencies

HOUR_SLOTS, DAY_SLOTS = 24, 90  # slots: an hour is written over after a day, a day after 90
LATENCIES_KEPT = timedelta(days=DAY_SLOTS)  # what no check writes over is deleted then
LATENCIES_PRUNED = 500  # rows deleted in one statement
GROWTH = math.log(1.1)
BUCKETS = 111  # the last one begins at 32 s, longer than any probe may take
HALF_A_DAY = timedelta(hours=12)

FOLD_COLUMNS = {  # `counts` as an array literal: asyncpg takes no arrays of arrays
    "id": "uuid",
    "slot": "smallint",
    "began": "timestamptz",
    "counts": "text",
}
FOLD_LATENCIES = text(
    f"""
    INSERT INTO latencies AS l (connection_id, slot, began, counts)
    SELECT new.id, new.slot, new.began, CAST(new.counts AS int[])
    FROM {unnest("new", FOLD_COLUMNS)}
    ON CONFLICT (connection_id, slot) DO UPDATE SET
        began = EXCLUDED.began,
        counts = CASE WHEN l.began <> EXCLUDED.began THEN EXCLUDED.counts ELSE
            (SELECT array_agg(nullif(coalesce(a, 0) + coalesce(b, 0), 0) ORDER BY n)
             FROM unnest(l.counts, EXCLUDED.counts) WITH ORDINALITY AS pair(a, b, n)) END
    """
)

# Over an array: PostgreSQL reads the ids first, and then only these rows.
PRUNE_LATENCIES = text(
    """
    DELETE FROM latencies WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM latencies WHERE began < now() - CAST(:kept AS interval)
        LIMIT :most FOR UPDATE SKIP LOCKED))
    RETURNING slot
    """
)


@dataclass(frozen=True)
class LatencyBatch:
    """Latencies of one connection and hour that are to be folded."""

    connection_id: UUID
    at: datetime  # of the newest of them
    latencies: list[int | None]  # milliseconds; None: there was no answer
    zone: str | None = None  # its owner's


async def fold(session: AsyncSession, batches: Iterable[LatencyBatch], zone: ZoneInfo) -> None:
    """Add latencies to the histograms of their hour and of their owner's day (else `zone`'s)."""
    rows = [
        (each.connection_id, slot, began, _array(counts))
        for each in batches
        if (counts := histogram(each.latencies))
        for slot, began in _slots(each.at, zone_named(each.zone) or zone)
    ]
    if rows:
        columns = zip(FOLD_COLUMNS, zip(*rows, strict=True), strict=True)
        await session.execute(FOLD_LATENCIES, {name: list(values) for name, values in columns})


@dataclass(frozen=True)
class Point:
    """How long the answers of one window took."""

    window: TimeRange
    counts: Counter[int]

    @property
    def median(self) -> int | None:
        return quantile(self.counts, 0.5)

    @property
    def p95(self) -> int | None:
        return quantile(self.counts, 0.95)


async def points(
    session: AsyncSession, connection_id: UUID, windows: Sequence[TimeRange], zone: ZoneInfo
) -> list[Point]:
    """One for each window, which are hours, or days in `zone`; what is not folded yet included.

    A day that was counted before its owner changed zones is shown as the day that holds its noon.
    """
    by_hour = windows[0].whole <= timedelta(hours=1)
    found: dict[datetime, Counter[int]] = {}
    for began, counts in [
        *await _folded(session, connection_id, windows[0].began, by_hour, zone),
        *await _not_folded(session, connection_id, by_hour, zone),
    ]:
        found[began] = found.get(began, Counter()) + counts
    return [Point(window, found.get(window.began, Counter())) for window in windows]


async def prune(session: AsyncSession) -> bool:
    """Delete some of what is too old; True when there may be more."""
    gone = await session.scalars(
        PRUNE_LATENCIES, {"kept": LATENCIES_KEPT, "most": LATENCIES_PRUNED}
    )
    return len(gone.all()) == LATENCIES_PRUNED


def histogram(latencies: Iterable[int | None]) -> Counter[int]:
    return Counter(_bucket(latency) for latency in latencies if latency is not None)


def quantile(counts: Counter[int], part: float) -> int | None:
    """Milliseconds that `part` of the answers did not exceed, true to 5 %; None without answers."""
    wanted = part * counts.total()
    for bucket in sorted(counts):
        wanted -= counts[bucket]
        if wanted <= 0:
            return round(math.exp((bucket + 0.5) * GROWTH))
    return None


def counter_of(counts: Sequence[int | None]) -> Counter[int]:
    """A stored histogram, as it is counted with."""
    return Counter({bucket: count for bucket, count in enumerate(counts) if count})


def hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime, zone: ZoneInfo) -> datetime:
    """The midnight, in `zone`, that this hour's day began with."""
    return hour_of(at).astimezone(zone).replace(hour=0, minute=0)


async def _folded(
    session: AsyncSession, connection_id: UUID, since: datetime, by_hour: bool, zone: ZoneInfo
) -> list[tuple[datetime, Counter[int]]]:
    columns = select(Latencies.began, Latencies.counts)
    query = columns.where(
        Latencies.connection_id == connection_id,
        Latencies.slot < HOUR_SLOTS if by_hour else Latencies.slot >= HOUR_SLOTS,
        Latencies.began > since - HALF_A_DAY,
    )
    return [
        (row.began if by_hour else day_of(row.began + HALF_A_DAY, zone), counter_of(row.counts))
        for row in await session.execute(query)
    ]


async def _not_folded(
    session: AsyncSession, connection_id: UUID, by_hour: bool, zone: ZoneInfo
) -> list[tuple[datetime, Counter[int]]]:
    own = (
        Connection.recent_latencies,
        Connection.check_count,
        Connection.unaggregated_count,
        Connection.last_checked_at,
    )
    query = select(*own).where(Connection.id == connection_id)
    row = (await session.execute(query)).one_or_none()
    if row is None or row.last_checked_at is None:
        return []
    began = hour_of(row.last_checked_at) if by_hour else day_of(row.last_checked_at, zone)
    ring = LatencyRing(row.recent_latencies, row.check_count)
    return [(began, histogram(ring.last_latencies(row.unaggregated_count)))]


def _slots(at: datetime, zone: ZoneInfo) -> Iterator[tuple[int, datetime]]:
    hour, day = hour_of(at), day_of(at, zone)
    yield int(hour.timestamp()) // 3600 % HOUR_SLOTS, hour
    yield HOUR_SLOTS + day.toordinal() % DAY_SLOTS, day


def _bucket(latency_ms: int) -> int:
    return min(int(math.log(max(latency_ms, 1)) / GROWTH), BUCKETS - 1)


def _array(counts: Counter[int]) -> str:
    """The array as PostgreSQL writes it."""
    return "{" + ",".join(str(counts[n]) if counts[n] else "NULL" for n in range(BUCKETS)) + "}"
