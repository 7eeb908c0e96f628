"""Russian grammar that pages and messages share; pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds
MONTHS = ["января", "февраля", "марта", "апреля", "мая", "июня"]
MONTHS += ["июля", "августа", "сентября", "октября", "ноября", "декабря"]


def plural(count: int, one: str, few: str, many: str) -> str:
    """The form for a number: 1 карта, 2 карты, 5 карт, 11 карт, 21 карта."""
    if count % 10 == 1 and count % 100 != 11:
        return one
    if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14):
        return few
    return many


def counted(count: int, one: str, few: str, many: str) -> str:
    return f"{count} {plural(count, one, few, many)}"


def span(seconds: float) -> str:
    """ "меньше минуты", "18 минут", "2 часа 5 минут", "3 дня"."""
    whole = int(seconds)
    if whole < MINUTE:
        return "меньше минуты"
    minutes, hours = whole % HOUR // MINUTE, whole % DAY // HOUR
    if whole < HOUR:
        return counted(minutes, "минуту", "минуты", "минут")
    if whole < DAY:
        rest = f" {counted(minutes, 'минуту', 'минуты', 'минут')}" if minutes else ""
        return counted(hours, "час", "часа", "часов") + rest
    return counted(whole // DAY, "день", "дня", "дней")


def day_and_time(moment: datetime, zone: ZoneInfo) -> str:
    """ "22 ноября, 14:02": for what is read later than it was written."""
    local = moment.astimezone(zone)
    return f"{local.day} {MONTHS[local.month - 1]}, {local:%H:%M}"
