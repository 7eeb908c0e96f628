"""How one connection was in one month: what the page to be printed says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.history.outages import KEPT
from app.history.periods import Window, days_of, months_of
from app.history.timeline import Stretch, stretches_of
from app.history.uptime import Bars, Split, all_up, splits
from app.models.connection import Connection

MOST = 200  # stretches; what is down more often than that is to be read as CSV


@dataclass(frozen=True)
class Report:
    window: Window  # the month, as far as it is over and still kept
    split: Split
    days: Bars
    stretches: Sequence[Stretch]  # the oldest first, as long as they lasted within the window
    cut_short: bool  # there were more
    months: Sequence[Window]  # that there are reports of, the newest first


async def report(
    session: AsyncSession, connection_id: UUID, window: Window, zone: ZoneInfo, now: datetime
) -> Report:
    """`window` is a month of `zone`, or its part that is over and kept; `now` is the database's."""
    by_day = days_of(window, zone)
    own = (await splits(session, [connection_id], [*by_day, window], now))[connection_id]
    found = await stretches_of(
        session, connection_id, now, window.began, MOST + 1, until=window.ended
    )
    return Report(
        window,
        own[-1],
        Bars(by_day, own[:-1], all_up(by_day, now)),
        [_within(each, window) for each in reversed(found[:MOST])],
        len(found) > MOST,
        await _months(session, connection_id, zone, now),
    )


def _within(stretch: Stretch, window: Window) -> Stretch:
    ended = min(stretch.ended or window.ended, window.ended)
    return replace(stretch, lasted=Window(max(stretch.began, window.began), ended).whole)


async def _months(
    session: AsyncSession, connection_id: UUID, zone: ZoneInfo, now: datetime
) -> list[Window]:
    query = select(Connection.connected_at).where(Connection.id == connection_id)
    connected_at = (await session.scalars(query)).one()
    return months_of(Window(max(connected_at, now - KEPT), now), zone)[::-1]
