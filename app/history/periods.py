"""Windows of time that history is shown in: half hours and hours by the clock, days and months."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HALF_HOUR = timedelta(minutes=30)
CACHED_MIDNIGHTS = 10_000  # each page needs the last 30 of its reader's zone
DAY = timedelta(hours=24)


@dataclass(frozen=True)
class TimeRange:
    """From `began` up to, but not including, `ended`."""

    began: datetime
    ended: datetime

    @property
    def whole(self) -> timedelta:
        return max(self.ended - self.began, timedelta(0))


def half_hours(now: datetime, count: int) -> list[TimeRange]:
    """The last `count` half hours by the clock; the last one is not over yet."""
    minute = now.minute - now.minute % 30
    last = now.astimezone(UTC).replace(minute=minute, second=0, microsecond=0)
    starts = [last - HALF_HOUR * back for back in reversed(range(count))]
    return [TimeRange(start, min(start + HALF_HOUR, now)) for start in starts]


def hours(now: datetime, count: int) -> list[TimeRange]:
    """The last `count` hours by the clock; the last one is not over yet."""
    hour = timedelta(hours=1)
    latest = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    starts = [latest - hour * back for back in reversed(range(count))]
    return [TimeRange(start, min(start + hour, now)) for start in starts]


def days(now: datetime, zone: ZoneInfo, count: int) -> list[TimeRange]:
    """The last `count` days in `zone`, 23 or 25 hours long where its clocks change; the last one
    is today, up to now.
    """
    today = now.astimezone(zone).date()
    first = today - timedelta(days=count - 1)
    return [TimeRange(day.began, min(day.ended, now)) for day in _days_from(first, count, zone)]


def month(year: int, number: int, zone: ZoneInfo) -> TimeRange:
    following = date(year + number // 12, number % 12 + 1, 1)
    return TimeRange(midnight(date(year, number, 1), zone), midnight(following, zone))


def days_of(window: TimeRange, zone: ZoneInfo) -> list[TimeRange]:
    """The days of a window in `zone`, the first and the last one as far as they are in it."""
    first, latest = _dates(window, zone)
    whole_days = _days_from(first, (latest - first).days + 1, zone)
    return [_within(day, window) for day in whole_days]


def months_of(window: TimeRange, zone: ZoneInfo) -> list[TimeRange]:
    """The months of a window in `zone`, the first and the last one as far as they are in it."""
    first, latest = _dates(window, zone)
    count = (latest.year - first.year) * 12 + latest.month - first.month + 1
    numbers = range(first.month - 1, first.month - 1 + count)
    whole_months = (month(first.year + n // 12, n % 12 + 1, zone) for n in numbers)
    return [_within(each, window) for each in whole_months]


def last(span: timedelta, now: datetime) -> TimeRange:
    return TimeRange(now - span, now)


@lru_cache(CACHED_MIDNIGHTS)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment a day begins at; where clocks jump over midnight, the moment of the jump."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _days_from(first: date, count: int, zone: ZoneInfo) -> Iterator[TimeRange]:
    for number in range(count):
        day = first + timedelta(days=number)
        yield TimeRange(midnight(day, zone), midnight(day + timedelta(days=1), zone))


def _dates(window: TimeRange, zone: ZoneInfo) -> tuple[date, date]:
    """The first and the last day that a window touches."""
    latest = max(window.began, window.ended - timedelta.resolution)
    return window.began.astimezone(zone).date(), latest.astimezone(zone).date()


def _within(part: TimeRange, window: TimeRange) -> TimeRange:
    return TimeRange(max(part.began, window.began), min(part.ended, window.ended))
