"""Russian plurals, shares, durations, days and times, as pages and messages write them. Pure."""

from datetime import date, datetime, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds
MONTHS = ["января", "февраля", "марта", "апреля", "мая", "июня"]
MONTHS += ["июля", "августа", "сентября", "октября", "ноября", "декабря"]
MONTH_NAMES = ["январь", "февраль", "март", "апрель", "май", "июнь"]
MONTH_NAMES += ["июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"]
NO_DATA = "нет данных"


def plural(count: int, one: str, few: str, many: str) -> str:
    """The form for a number: 1 карта, 2 карты, 5 карт, 11 карт, 21 карта."""
    if count % 10 == 1 and count % 100 != 11:
        return one
    if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14):
        return few
    return many


def counted(count: int, one: str, few: str, many: str) -> str:
    return f"{count} {plural(count, one, few, many)}"


def of_connections(count: int) -> str:
    """ "1 подключение", "3 подключения", "5 подключений"."""
    return counted(count, "подключение", "подключения", "подключений")


def lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def percent(part: float | None) -> str:
    """ "98,75 %"; cut off, not rounded, so that only what never failed has 100."""
    if part is None:
        return NO_DATA
    hundredths = floor(part * 10_000 + 1e-9)
    if hundredths == 10_000:
        return "100\u00a0%" if part >= 1 else "99,99\u00a0%"
    return f"{hundredths // 100},{hundredths % 100:02}\u00a0%"


def thousands(number: int) -> str:
    """ "137", "3 011"; the space does not break at the end of a line."""
    return f"{number:,}".replace(",", "\u00a0")


def milliseconds(latency: int) -> str:
    """ "137 мс", "3 011 мс"."""
    return f"{thousands(latency)}\u00a0мс"


def span(seconds: float) -> str:
    """ "меньше минуты", "18 минут", "2 часа 5 минут", "3 дня"."""
    whole = int(seconds)
    if whole < MINUTE:
        return "меньше минуты"
    return long_span(timedelta(seconds=whole if whole < DAY else whole - whole % DAY))


def long_span(lasted: timedelta) -> str:
    """ "45 секунд", "18 минут", "2 часа 5 минут", "3 дня 4 часа": for sentences."""
    whole = int(lasted.total_seconds())
    if whole < MINUTE:
        return counted(whole, "секунду", "секунды", "секунд")
    minutes, hours, days = whole // MINUTE, whole // HOUR, whole // DAY
    if whole < HOUR:
        return _minutes(minutes)
    if whole < DAY:
        return " ".join(filter(None, [_hours(hours), _minutes(minutes % 60)]))
    return " ".join(filter(None, [_days(days), _hours(hours % 24)]))


def short_span(lasted: timedelta) -> str:
    """ "45 с", "18 мин", "2 ч 5 мин", "3 дн. 4 ч"."""
    whole = int(lasted.total_seconds())
    if whole < MINUTE:
        return f"{whole} с"
    if whole < HOUR:
        return f"{whole // MINUTE} мин"
    if whole < DAY:
        return _two(whole // HOUR, "ч", whole % HOUR // MINUTE, "мин")
    return _two(whole // DAY, "дн.", whole % DAY // HOUR, "ч")


def time_to_wait(seconds: int) -> str:
    """ "45 с", "18 мин", "2 ч 5 мин", never too short: minutes are rounded up."""
    whole = seconds if seconds < MINUTE else ceil(seconds / MINUTE) * MINUTE
    return short_span(timedelta(seconds=whole))


def every(seconds: float) -> str:
    """ "каждые 10 минут", "каждую минуту", "каждые 5 секунд"."""
    size, one, few, many = MINUTE, "минуту", "минуты", "минут"
    if seconds % MINUTE:
        size, one, few, many = 1, "секунду", "секунды", "секунд"
    count = round(seconds / size)
    if count == 1:
        return f"каждую {one}"
    return f"{plural(count, 'каждую', 'каждые', 'каждые')} {count} {plural(count, one, few, many)}"


def hours_minutes_seconds(seconds: int) -> str:
    """ "744:00:00"."""
    return f"{seconds // HOUR}:{seconds % HOUR // MINUTE:02}:{seconds % MINUTE:02}"


def day_name(at: date) -> str:
    return f"{at.day} {MONTHS[at.month - 1]}"


def day(moment: datetime, zone: ZoneInfo) -> str:
    """ "25 декабря 2026"."""
    local = moment.astimezone(zone)
    return f"{day_name(local)} {local.year}"


def day_and_time(moment: datetime, zone: ZoneInfo) -> str:
    """ "22 ноября, 14:02": for what is read later than it was written."""
    local = moment.astimezone(zone)
    return f"{day_name(local)}, {local:%H:%M}"


def recent_day_and_time(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """ "сегодня, 14:05", "вчера, 14:05", "22 ноября, 14:05"."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    names = {today: "сегодня", today - timedelta(days=1): "вчера"}
    other_year = f" {local.year}" if local.year != today.year else ""
    return f"{names.get(local.date(), day_name(local.date()) + other_year)}, {local:%H:%M}"


def clock(moment: datetime, zone: ZoneInfo, now: datetime, *, seconds: bool = True) -> str:
    """ "14:02:05" (or "14:02") today, "22 ноября, 14:02" on another day."""
    local = moment.astimezone(zone)
    minute = f"{local.hour:02}:{local.minute:02}"  # a fifth of what strftime takes
    if local.date() == now.astimezone(zone).date():
        return f"{minute}:{local.second:02}" if seconds else minute
    return f"{day_name(local)}, {minute}"


def at_clock(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """ "в 14:02" today, "завтра в 05:46", "вчера в 14:02", "22 ноября в 14:02"."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    names = {-1: "вчера ", 0: "", 1: "завтра "}
    day_of_it = names.get((local.date() - today).days, f"{day_name(local)} ")
    return f"{day_of_it}в {local:%H:%M}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """ "5 октября, 14:05:10": what is printed is read on another day."""
    local = at.astimezone(zone)
    return f"{day_name(local)}, {local:%H:%M:%S}"


def _two(count: int, unit: str, rest: int, smaller: str) -> str:
    return f"{count} {unit} {rest} {smaller}" if rest else f"{count} {unit}"


def _minutes(count: int) -> str:
    return counted(count, "минуту", "минуты", "минут") if count else ""


def _hours(count: int) -> str:
    return counted(count, "час", "часа", "часов") if count else ""


def _days(count: int) -> str:
    return counted(count, "день", "дня", "дней") if count else ""
