"""The past of one connection, as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, DateTime, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.history.latency import Point, points
from app.history.latency_ring import LatencyRing, PastCheck
from app.history.periods import DAY, TimeRange, days, hours, last
from app.history.slow_periods import SlowTime, slow_time
from app.history.uptime import Breakdown, Series, all_up, known_until, splits
from app.models.connection import UNWATCHED, Connection
from app.models.history import Outage

TIMELINE_DAYS = 90  # days in the longest row of bars
TIMELINE_INTERVALS = 10  # intervals shown at most
TIMELINE_CHECKS = 12  # last checks shown at most
# Written as the index has it, so that it is used; what is still open comes first.
OUTAGE_END: ColumnElement[datetime] = literal_column(
    "coalesce(outages.closed_at, 'infinity'::timestamptz)", DateTime(timezone=True)
)
CHART_DAYS = {"24h": 1, "7d": 7, "30d": 30}  # days


@dataclass(frozen=True)
class Interval:
    """An outage, or a time when nobody checked; `ended` is None while it lasts."""

    began: datetime
    ended: datetime | None
    status: str
    cause: str | None
    fault: str
    evidence: str
    last_evidence: str
    checks: int
    lasted: timedelta  # until now while it lasts


@dataclass(frozen=True)
class Chart:
    """Latencies of a period; `down` are its outages."""

    zone: ZoneInfo  # whose days they are
    period: str
    span: TimeRange
    points: Sequence[Point]
    down: Sequence[TimeRange]


@dataclass(frozen=True)
class Timeline:
    day: Breakdown
    month: Breakdown
    quarter: Breakdown
    long: Series  # day by day, in the chart's zone
    chart: Chart
    today: Point
    yesterday: Point
    intervals: Sequence[Interval]  # the newest first
    last_checks: Sequence[PastCheck]  # the newest first
    slow: SlowTime  # in the month


async def timeline(
    session: AsyncSession, connection_id: UUID, zone: ZoneInfo, period: str, now: datetime
) -> Timeline:
    """`period` is one of CHART_DAYS; `now` is the database's time."""
    by_day = days(now, zone, TIMELINE_DAYS)
    month, quarter = TimeRange(by_day[-30].began, now), TimeRange(by_day[0].began, now)
    windows = [*by_day, last(DAY, now), month, quarter]
    own = (await splits(session, [connection_id], windows, now))[connection_id]
    intervals = await intervals_of(session, connection_id, now)
    today = await points(session, connection_id, by_day[-2:], zone)
    return Timeline(
        own[TIMELINE_DAYS],
        own[TIMELINE_DAYS + 1],
        own[TIMELINE_DAYS + 2],
        Series(by_day, own[:TIMELINE_DAYS], all_up(by_day, now)),
        await _chart(session, connection_id, zone, period, now),
        today[-1],
        today[0],
        intervals,
        await _last_checks(session, connection_id),
        await slow_time(session, connection_id, month, now),
    )


async def intervals_of(
    session: AsyncSession,
    connection_id: UUID,
    now: datetime,
    since: datetime | None = None,
    limit: int = TIMELINE_INTERVALS,
    until: datetime | None = None,
) -> list[Interval]:
    """What was not online, the newest first. When nobody has checked for a while, that interval
    comes first, beyond `limit`, and ends the outage before it.
    """
    query = select(Outage).where(Outage.connection_id == connection_id)
    if since is not None:
        query = query.where(since < OUTAGE_END)
    if until is not None:
        query = query.where(Outage.opened_at < until)
    rows = await session.scalars(query.order_by(OUTAGE_END.desc(), Outage.id.desc()).limit(limit))
    known = await known_until(session, connection_id, now)
    found = [_interval(row, known, known < now) for row in rows]
    gap = known < now and (until is None or known < until)
    return [_gap(known, now), *found] if gap else found


def _gap(began: datetime, now: datetime) -> Interval:
    return Interval(began, None, UNWATCHED, None, "us", "", "", 0, now - began)


def _interval(row: Outage, known: datetime, is_over: bool) -> Interval:
    return Interval(
        row.opened_at,
        row.closed_at or (known if is_over else None),
        row.status,
        row.cause,
        row.fault,
        row.evidence,
        row.last_evidence,
        row.checks,
        max((row.closed_at or known) - row.opened_at, timedelta(0)),
    )


async def _chart(
    session: AsyncSession, connection_id: UUID, zone: ZoneInfo, period: str, now: datetime
) -> Chart:
    count = CHART_DAYS[period]
    windows = hours(now, 24) if count == 1 else days(now, zone, count)
    span = TimeRange(windows[0].began, now)
    found = await intervals_of(session, connection_id, now, span.began, 200)
    down = [
        TimeRange(max(each.began, span.began), each.ended or now)
        for each in found
        if each.status != UNWATCHED
    ]
    return Chart(zone, period, span, await points(session, connection_id, windows, zone), down)


async def _last_checks(session: AsyncSession, connection_id: UUID) -> list[PastCheck]:
    query = select(Connection.recent_latencies, Connection.check_count, Connection.last_checked_at)
    row = (await session.execute(query.where(Connection.id == connection_id))).one_or_none()
    if row is None:
        return []
    return LatencyRing(row.recent_latencies, row.check_count).checks(row.last_checked_at)[
        :TIMELINE_CHECKS
    ]
