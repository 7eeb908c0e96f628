"""How long answers took, without keeping any answer for long.

The last 60 looks stand in the connection's own row, written round and round. When their hour ends,
or before they are written over, they are folded into two histograms: of their hour, and of their
day. Buckets grow by a tenth, so a quantile is true to 5 %.
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

from app.history.periods import TimeRange
from app.i18n.timezones import zone_named
from app.models.connection import Connection
from app.models.history import Latencies

KEPT_LOOKS = 60
HOURS, DAYS = 24, 90  # slots: an hour is written over after a day, a day after 90
KEPT = timedelta(days=DAYS)  # what no check writes over any more
PRUNED = 500  # rows in one go
GROWTH = math.log(1.1)
BUCKETS = 111  # the last one begins at 32 s, longer than any probe may take
HALF_A_DAY = timedelta(hours=12)
NO_ANSWER = 0x7FFF  # in place of a latency; a look is packed as pause << 16 | good << 15 | latency
LONGEST_PAUSE = 0xFFFF  # seconds (18 hours); times before a longer pause are not known

FOLD = text(
    """
    INSERT INTO latencies AS l (connection_id, slot, began, counts)
    SELECT new.id, new.slot, new.began, CAST(new.counts AS int[])
    FROM unnest(CAST(:ids AS uuid[]), CAST(:slots AS smallint[]),
                CAST(:began AS timestamptz[]), CAST(:counts AS text[]))
         AS new(id, slot, began, counts)
    ON CONFLICT (connection_id, slot) DO UPDATE SET
        began = EXCLUDED.began,
        counts = CASE WHEN l.began <> EXCLUDED.began THEN EXCLUDED.counts ELSE
            (SELECT array_agg(nullif(coalesce(a, 0) + coalesce(b, 0), 0) ORDER BY n)
             FROM unnest(l.counts, EXCLUDED.counts) WITH ORDINALITY AS pair(a, b, n)) END
    """
)

# Over an array: PostgreSQL reads the ids first, and then only these rows.
PRUNE = text(
    """
    DELETE FROM latencies WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM latencies WHERE began < now() - CAST(:kept AS interval)
        LIMIT :most FOR UPDATE SKIP LOCKED))
    RETURNING slot
    """
)


@dataclass(frozen=True)
class Look:
    """One check: when (None: too long ago to say), whether all was well, and how long it took."""

    at: datetime | None
    good: bool
    latency_ms: int | None


@dataclass(frozen=True)
class Full:
    """Looks of one hour that are to be folded: a row of `record`."""

    connection_id: UUID
    at: datetime  # of the newest of them
    latencies: list[int | None]  # milliseconds; None: there was no answer
    zone: str | None = None  # its owner's


def packed(good: bool, latency_ms: int | None) -> int:
    """A look without its pause, which only the database knows."""
    latency = NO_ANSWER if latency_ms is None else min(latency_ms, NO_ANSWER - 1)
    return good << 15 | latency


def in_order(recent_latencies: Sequence[int], check_count: int) -> list[int]:
    """The packed looks, oldest first; `looks` counts all that there ever were."""
    next_place = check_count % KEPT_LOOKS
    if check_count < KEPT_LOOKS:
        return list(recent_latencies[:check_count])
    return [*recent_latencies[next_place:], *recent_latencies[:next_place]]


def latencies_of(looks: Iterable[int]) -> list[int | None]:
    """Of packed looks, in milliseconds; None: there was no answer."""
    return [None if (latency := look & NO_ANSWER) == NO_ANSWER else latency for look in looks]


def looks_of(
    recent_latencies: Sequence[int], check_count: int, last_at: datetime | None
) -> list[Look]:
    """The last looks, newest first; `last_at` is when the newest one was."""
    found: list[Look] = []
    at = last_at.replace(microsecond=0) if last_at else None
    for look in reversed(in_order(recent_latencies, check_count)):
        found.append(Look(at, bool(look >> 15 & 1), *latencies_of([look])))
        pause = look >> 16 & LONGEST_PAUSE
        at = at - timedelta(seconds=pause) if at and pause < LONGEST_PAUSE else None
    return found


def unaggregated(recent_latencies: Sequence[int], check_count: int, count: int) -> list[int | None]:
    """The latencies of the last `count` looks, oldest first."""
    return latencies_of(in_order(recent_latencies, check_count)[-count:]) if count else []


def followed_by(
    recent_latencies: Sequence[int], check_count: int, look: int, pause: float
) -> list[int]:
    """The kept looks with one more, that came `pause` seconds after the last."""
    packed_look = int(min(max(pause, 0), LONGEST_PAUSE)) << 16 | look & 0xFFFF
    signed = packed_look - (1 << 32) if packed_look >> 31 else packed_look  # as an int4 has it
    kept = in_order(recent_latencies, check_count)[-(KEPT_LOOKS - 1) :]
    turn = (check_count + 1) % KEPT_LOOKS if check_count + 1 >= KEPT_LOOKS else 0
    ordered = [*kept, signed]
    return [*ordered[-turn:], *ordered[:-turn]] if turn else ordered


async def fold(session: AsyncSession, full: Iterable[Full], zone: ZoneInfo) -> None:
    """Add looks to the histograms of their hour and of their owner's day (or else of `zone`'s)."""
    rows = [
        (each.connection_id, slot, began, _array(counts))
        for each in full
        if (counts := histogram(each.latencies))
        for slot, began in _slots(each.at, zone_named(each.zone) or zone)
    ]
    if rows:
        columns = zip(("ids", "slots", "began", "counts"), zip(*rows, strict=True), strict=True)
        await session.execute(FOLD, {name: list(values) for name, values in columns})


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

    A day that was counted before its owner moved to another zone is shown in the one it mostly is.
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
    """Forget some of what is too old; True when there may be more."""
    gone = await session.scalars(PRUNE, {"kept": KEPT, "most": PRUNED})
    return len(gone.all()) == PRUNED


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
        Latencies.slot < HOURS if by_hour else Latencies.slot >= HOURS,
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
    return [
        (
            began,
            histogram(unaggregated(row.recent_latencies, row.check_count, row.unaggregated_count)),
        )
    ]


def _slots(at: datetime, zone: ZoneInfo) -> Iterator[tuple[int, datetime]]:
    hour, day = hour_of(at), day_of(at, zone)
    yield int(hour.timestamp()) // 3600 % HOURS, hour
    yield HOURS + day.toordinal() % DAYS, day


def _bucket(latency_ms: int) -> int:
    return min(int(math.log(max(latency_ms, 1)) / GROWTH), BUCKETS - 1)


def _array(counts: Counter[int]) -> str:
    """An array literal: asyncpg takes no arrays of arrays of different contents."""
    return "{" + ",".join(str(counts[n]) if counts[n] else "NULL" for n in range(BUCKETS)) + "}"
