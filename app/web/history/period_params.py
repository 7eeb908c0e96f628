"""Parses the period in a query string, in the reader's days. Pure; a fault is a text for people."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.history.outages import OUTAGES_KEPT
from app.history.periods import TimeRange, last, midnight
from app.i18n.formatting import MONTHS

USUAL = 30  # days
MONTH = re.compile(r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])", re.ASCII)
DAY = re.compile(r"(?!0000)\d{4}-\d\d-\d\d", re.ASCII)
ONE_DAY = timedelta(days=1)

NO_MONTH = "Месяц в адресе пишется так: 2026-10."
NO_DATE = "Дата в адресе пишется так: 2026-10-31."
HALF = "Нужны обе даты, начало (from) и конец (to), или ни одной."
TWISTED = "Начало периода позже его конца."
TO_COME = "Это время ещё не наступило."
GONE = "История хранится {days} дней, с {day} {month} {year} года."
NO_DAYS = "Число дней (days) — от 1 до {days}."


def month_of(given: str | None, zone: ZoneInfo, now: datetime) -> TimeRange | str:
    """The month "2026-10", or the current one; cut to what is over and still kept."""
    if not given:
        given = f"{now.astimezone(zone):%Y-%m}"
    if not MONTH.fullmatch(given):
        return NO_MONTH
    first = date.fromisoformat(f"{given}-01")
    return _between(first, _last_day(first), zone, now)


def period_of(given: Mapping[str, str], zone: ZoneInfo, now: datetime) -> TimeRange | str:
    """`from` to `to`, both days included, or the last `days`; cut to what is over and kept."""
    if not given.get("from") and not given.get("to"):
        return _last_days(given.get("days") or str(USUAL), now)
    if not given.get("from") or not given.get("to"):
        return HALF
    first, latest = _date(given["from"]), _date(given["to"])
    return _between(first, latest, zone, now) if first and latest else NO_DATE


def _last_days(given: str, now: datetime) -> TimeRange | str:
    is_number = given.isascii() and given.isdigit() and len(given) < 4
    if not is_number or not 1 <= int(given) <= OUTAGES_KEPT.days:
        return NO_DAYS.format(days=OUTAGES_KEPT.days)
    return last(ONE_DAY * int(given), now)


def _date(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if DAY.fullmatch(given) else None
    except ValueError:
        return None


def _between(first: date, latest: date, zone: ZoneInfo, now: datetime) -> TimeRange | str:
    """Dates are compared before they become datetimes: after the year 9999 there are none."""
    kept_from = now - OUTAGES_KEPT
    oldest, today = (at.astimezone(zone).date() for at in (kept_from, now))
    if first > latest:
        return TWISTED
    if first > today:
        return TO_COME
    if latest < oldest:
        name = MONTHS[oldest.month - 1]
        return GONE.format(days=OUTAGES_KEPT.days, day=oldest.day, month=name, year=oldest.year)
    began = max(midnight(max(first, oldest), zone), kept_from)
    return TimeRange(began, now if latest >= today else midnight(latest + ONE_DAY, zone))


def _last_day(first: date) -> date:
    """Of the month. December 9999 is special: the day after it cannot be computed."""
    days = 31 if first.month == 12 else (first.replace(month=first.month + 1) - first).days
    return first.replace(day=days)
