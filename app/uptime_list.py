"""How a person's connections were, period by period, each one and all of them together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import add
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.cards import CardRow
from app.history import Split, splits
from app.windows import Window, days_of, months_of

WAYS = ("whole", "month", "day")  # a period can be told as one, by months, by days


@dataclass(frozen=True)
class Spent:
    """How one connection spent one window; without a connection: all of them together."""

    window: Window
    split: Split
    connection: CardRow | None = None


async def spent(
    session: AsyncSession, rows: Sequence[CardRow], period: Window, way: str, zone: ZoneInfo
) -> list[Spent]:
    """All together first, then one connection after the other; `way` is one of WAYS.

    Where a connection had not been made yet, it has no entry.
    """
    if not rows:
        return []
    windows = _parts(period, way, zone)
    found = await splits(session, [row.id for row in rows], windows, rows[0].read_at)
    each = [
        Spent(window, split, row)
        for row in rows
        for window, split in zip(windows, found[row.id], strict=True)
        if split.whole > timedelta(0)
    ]
    return [*_together(windows, found), *each]


def records(entries: Sequence[Spent], zone: ZoneInfo) -> Iterator[dict[str, object]]:
    """To take away: times in `zone`, spans in seconds, uptime as a part of 1."""
    for entry in entries:
        row, split = entry.connection, entry.split
        yield {
            "connection": str(row.id) if row else None,
            "provider": row.provider if row else None,
            "details": row.label if row else None,
            "began_at": entry.window.began.astimezone(zone),
            "ended_at": entry.window.ended.astimezone(zone),
            "uptime": split.uptime,
            "seconds": split.whole.total_seconds(),
            "up_seconds": split.up.total_seconds(),
            "down_seconds": split.down.total_seconds(),
            "down_by_provider_seconds": split.provider.total_seconds(),
            "down_by_you_seconds": split.you.total_seconds(),
            "down_by_us_seconds": split.us.total_seconds(),
            "no_data_seconds": split.unknown.total_seconds(),
        }


def _parts(period: Window, way: str, zone: ZoneInfo) -> list[Window]:
    if way == "day":
        return days_of(period, zone)
    return months_of(period, zone) if way == "month" else [period]


def _together(windows: Sequence[Window], found: dict[UUID, list[Split]]) -> Iterator[Spent]:
    for window, own in zip(windows, zip(*found.values(), strict=True), strict=True):
        split = reduce(add, own)
        if split.whole > timedelta(0):
            yield Spent(window, split)
