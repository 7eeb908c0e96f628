"""Uptime: how windows of time were spent, computed exactly from the intervals in `outages`.

A window is up, minus what was not online, minus what nobody checked, minus the time before the
connection was made. A connection whose next check is overdue is unwatched since its last one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text

from app.database.engine import Reader
from app.history.outages import SPOKEN_FOR
from app.history.periods import DAY, TimeRange, half_hours, last
from app.i18n.timezones import zone_named
from app.models.connection import UNWATCHED, Status

CARD_HALF_HOURS = 48  # bars on a card
NO_TIME = timedelta(0)
BY_GRAVITY = (UNWATCHED, Status.BLOCKED.value, Status.OFFLINE.value, Status.REVOKED.value)
BEFORE_CONNECTION = "before"  # the pseudo status of the time before a connection was made

_SAMPLED = SPOKEN_FOR.format(since="c.last_checked_at", now="CAST(:now AS timestamptz)")
KNOWN_CTE = f"""
    known AS (
        SELECT c.id, c.connected_at,
               CASE WHEN c.watched_until < CAST(:now AS timestamptz)
                         AND NOT EXISTS ({_SAMPLED})
                    THEN greatest(c.last_checked_at, c.connected_at)
                    ELSE CAST(:now AS timestamptz) END AS until
        FROM connections c WHERE c.id = ANY(CAST(:ids AS uuid[]))
    )
"""
KNOWN_UNTIL = text(f"WITH {KNOWN_CTE} SELECT until FROM known")
INTERVALS_CTE = f"""
    {KNOWN_CTE}, intervals AS (
        SELECT k.id, o.status, o.fault, greatest(o.opened_at, k.connected_at) AS began,
               least(coalesce(o.closed_at, k.until), k.until) AS ended
        FROM known k JOIN outages o ON o.connection_id = k.id
            AND coalesce(o.closed_at, 'infinity'::timestamptz) > CAST(:since AS timestamptz)
        UNION ALL
        SELECT id, '{UNWATCHED}', 'us', until, CAST(:now AS timestamptz) FROM known
        WHERE until < CAST(:now AS timestamptz)
        UNION ALL
        SELECT id, '{BEFORE_CONNECTION}', NULL, '-infinity', connected_at FROM known
        WHERE connected_at > CAST(:since AS timestamptz)
    )
"""
TIME_SPENT = text(
    f"""
    WITH {INTERVALS_CTE}, windows AS (
        SELECT * FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
            WITH ORDINALITY AS w(began, ended, n)
    )
    SELECT s.id, w.n, s.status, s.fault,
           sum(least(s.ended, w.ended) - greatest(s.began, w.began)) AS lasted
    FROM intervals s JOIN windows w
        ON s.began < w.ended AND s.ended > w.began AND s.began < s.ended
    GROUP BY s.id, w.n, s.status, s.fault
    """
)


@dataclass(frozen=True)
class Breakdown:
    """How a window was spent: `whole` is up + you + provider + us + unknown."""

    whole: timedelta
    you: timedelta = NO_TIME  # not online, by fault
    provider: timedelta = NO_TIME
    us: timedelta = NO_TIME
    unknown: timedelta = NO_TIME  # nobody was checking
    worst: str | None = None  # the gravest status in it; None: it was up all the time

    @property
    def down(self) -> timedelta:
        return self.you + self.provider + self.us

    @property
    def up(self) -> timedelta:
        return self.whole - self.down - self.unknown

    @property
    def watched(self) -> timedelta:
        return self.whole - self.unknown

    @property
    def uptime(self) -> float | None:
        """The part of the watched time that was up; None: nothing was watched."""
        return self.up / self.watched if self.watched > NO_TIME else None

    def __add__(self, other: "Breakdown") -> "Breakdown":
        """The sum over two connections, without `worst`."""
        return Breakdown(
            self.whole + other.whole,
            self.you + other.you,
            self.provider + other.provider,
            self.us + other.us,
            self.unknown + other.unknown,
        )

    def with_interval(self, status: str, fault: str | None, lasted: timedelta) -> "Breakdown":
        if status == BEFORE_CONNECTION:
            return replace(self, whole=self.whole - lasted)
        unwatched = status == UNWATCHED
        return Breakdown(
            self.whole,
            self.you + lasted if fault == "you" else self.you,
            self.provider + lasted if fault == "provider" else self.provider,
            self.us + lasted if fault == "us" and not unwatched else self.us,
            self.unknown + lasted if unwatched else self.unknown,
            status if self.worst is None else max(self.worst, status, key=BY_GRAVITY.index),
        )


@dataclass(frozen=True)
class Series:
    """Consecutive windows, the oldest first, and how each was spent."""

    windows: Sequence[TimeRange]
    splits: Sequence[Breakdown]
    well: Sequence[
        Breakdown
    ]  # the same, had all been up; for a window that was, the same object as in `splits`


@dataclass(frozen=True)
class Past:
    """What a card shows of the past."""

    zone: ZoneInfo  # whose days they are
    half_hours: Series
    day: Breakdown  # the last 24 hours


Pasts = Mapping[UUID, Past]


async def splits(
    session: Reader, ids: Iterable[UUID], windows: Sequence[TimeRange], now: datetime
) -> dict[UUID, list[Breakdown]]:
    """How each connection spent each of the windows, in one query whatever their number."""
    return await _splits(session, ids, windows, all_up(windows, now), now)


def all_up(windows: Sequence[TimeRange], now: datetime) -> list[Breakdown]:
    """Windows that were up all the time. They end now at the latest: the future is not known."""
    return [Breakdown(max(min(each.ended, now) - each.began, NO_TIME)) for each in windows]


async def _splits(
    session: Reader,
    ids: Iterable[UUID],
    windows: Sequence[TimeRange],
    well: Sequence[Breakdown],
    now: datetime,
) -> dict[UUID, list[Breakdown]]:
    found = {each: list(well) for each in ids}
    begins = [window.began for window in windows]
    ends = [max(window.began, min(window.ended, now)) for window in windows]
    given = {"ids": list(found), "now": now, "since": min(begins), "begins": begins, "ends": ends}
    for connection_id, n, status, fault, lasted in await session.execute(TIME_SPENT, given):
        own = found[connection_id]
        own[n - 1] = own[n - 1].with_interval(status, fault, lasted)
    return found


async def known_until(session: Reader, connection_id: UUID, now: datetime) -> datetime:
    """Until when its status is known; earlier than `now` where its next check is overdue."""
    known = await session.scalar(KNOWN_UNTIL, {"ids": [connection_id], "now": now})
    return known or now


async def pasts(session: Reader, rows: Sequence[Row[*tuple[Any, ...]]], zone: ZoneInfo) -> Pasts:
    """What these cards (rows with CARD) show of the past, in the days of their owners, or else of
    `zone`; one query for all who share a zone.
    """
    by_zone: dict[ZoneInfo, list[Row[*tuple[Any, ...]]]] = {}
    for row in rows:
        by_zone.setdefault(zone_named(row.zone) or zone, []).append(row)
    found: dict[UUID, Past] = {}
    for own_zone, own in by_zone.items():
        found |= await _pasts_in(session, own, own_zone)
    return found


async def _pasts_in(
    session: Reader, rows: Sequence[Row[*tuple[Any, ...]]], zone: ZoneInfo
) -> dict[UUID, Past]:
    now: datetime = rows[0].read_at
    halves = half_hours(now, CARD_HALF_HOURS)
    windows = [*halves, last(DAY, now)]
    well = all_up(windows, now)
    spent = await _splits(session, [row.id for row in rows], windows, well, now)
    return {
        each: Past(zone, Series(halves, own[:-1], well[:-1]), own[-1])
        for each, own in spent.items()
    }
