"""Uptime of a person's connections as a table: by connection and by window, and all together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from itertools import chain
from operator import add
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.history.periods import TimeRange, days_of, months_of
from app.history.uptime import Breakdown, splits
from app.i18n.connection_titles import title_of

PERIOD_PARTS = ("whole", "month", "day")  # how a period is divided: not at all, by months, by days

ConnectionRow = Row[*tuple[Any, ...]]  # has an id, a provider, a label, a name, tags
Found = Mapping[UUID, Sequence[Breakdown]]


@dataclass(frozen=True)
class UptimeRow:
    """How one connection spent one window; without a connection: all of them together."""

    window: TimeRange
    split: Breakdown
    connection: ConnectionRow | None = None


async def spent(
    session: AsyncSession,
    rows: Sequence[ConnectionRow],
    period: TimeRange,
    way: str,
    zone: ZoneInfo,
) -> Iterator[UptimeRow]:
    """All together first, then one connection after the other; `way` is one of PERIOD_PARTS.

    A window before a connection was made has no row. There may be a hundred thousand rows, so they
    are made lazily, which need not happen in the event loop.
    """
    if not rows:
        return iter(())
    windows = _parts(period, way, zone)
    found = await splits(session, [row.id for row in rows], windows, rows[0].read_at)
    return chain(_together(windows, found), _each(rows, windows, found))


def records(
    entries: Iterable[UptimeRow], zone: ZoneInfo, services: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    """For an export: times in `zone`, durations in seconds, uptime between 0 and 1.

    `services` are titles of providers, for connections that nothing else names.
    """
    for entry in entries:
        row, split = entry.connection, entry.split
        yield {
            "connection": str(row.id) if row else None,
            "provider": row.provider if row else None,
            "title": title_of(row.name, row.label, services.get(row.provider, row.provider))
            if row
            else None,
            "details": row.label if row else None,
            "tags": list(row.tags) if row else [],
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


def _parts(period: TimeRange, way: str, zone: ZoneInfo) -> list[TimeRange]:
    if way == "day":
        return days_of(period, zone)
    return months_of(period, zone) if way == "month" else [period]


def _together(windows: Sequence[TimeRange], found: Found) -> Iterator[UptimeRow]:
    for window, own in zip(windows, zip(*found.values(), strict=True), strict=True):
        split = reduce(add, own)
        if split.whole > timedelta(0):
            yield UptimeRow(window, split)


def _each(
    rows: Sequence[ConnectionRow], windows: Sequence[TimeRange], found: Found
) -> Iterator[UptimeRow]:
    for row in rows:
        for window, split in zip(windows, found[row.id], strict=True):
            if split.whole > timedelta(0):
                yield UptimeRow(window, split, row)
