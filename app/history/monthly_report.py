"""The monthly report of one connection, for its page to be printed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.history.outages import OUTAGES_KEPT
from app.history.periods import TimeRange, days_of, months_of
from app.history.slow_periods import SlowTime, slow_time
from app.history.timeline import Interval, intervals_of
from app.history.uptime import Breakdown, Series, all_up, splits
from app.models.connection import Connection

REPORT_INTERVALS = 200  # at most; whoever wants them all takes the CSV


@dataclass(frozen=True)
class MonthlyReport:
    window: TimeRange  # the month, as far as it is past and still kept
    split: Breakdown
    days: Series
    intervals: Sequence[Interval]  # the oldest first, cut to the window
    cut_short: bool  # there were more
    months: Sequence[TimeRange]  # that have a report, the newest first
    slow: SlowTime


async def report(
    session: AsyncSession, connection_id: UUID, window: TimeRange, zone: ZoneInfo, now: datetime
) -> MonthlyReport:
    """`window` is a month of `zone`, or its part that is past and kept; `now` is the database's."""
    by_day = days_of(window, zone)
    own = (await splits(session, [connection_id], [*by_day, window], now))[connection_id]
    found = await intervals_of(
        session, connection_id, now, window.began, REPORT_INTERVALS + 1, until=window.ended
    )
    return MonthlyReport(
        window,
        own[-1],
        Series(by_day, own[:-1], all_up(by_day, now)),
        [_within(each, window) for each in reversed(found[:REPORT_INTERVALS])],
        len(found) > REPORT_INTERVALS,
        await _months(session, connection_id, zone, now),
        await slow_time(session, connection_id, window, now),
    )


def _within(interval: Interval, window: TimeRange) -> Interval:
    ended = min(interval.ended or window.ended, window.ended)
    return replace(interval, lasted=TimeRange(max(interval.began, window.began), ended).whole)


async def _months(
    session: AsyncSession, connection_id: UUID, zone: ZoneInfo, now: datetime
) -> list[TimeRange]:
    query = select(Connection.connected_at).where(Connection.id == connection_id)
    connected_at = (await session.scalars(query)).one()
    return months_of(TimeRange(max(connected_at, now - OUTAGES_KEPT), now), zone)[::-1]
