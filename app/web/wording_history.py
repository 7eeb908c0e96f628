"""The Russian words for what was: shares, spans, bars, outages. Pure, like wording.py."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

from app.history.periods import Window
from app.history.uptime import Split
from app.i18n.formatting import DAY, HOUR, MINUTE, MONTHS, plural
from app.models.connection import UNWATCHED

# What the service did, and does: (was, is).
DEEDS = {
    "provider_error": ("отвечал ошибкой", "отвечает ошибкой"),
    "unreachable": ("был недоступен", "недоступен"),
    "timeout": ("не отвечал", "не отвечает"),
    "tls": ("отвечал по незащищённому соединению", "отвечает по незащищённому соединению"),
    "bad_response": ("отвечал непонятно", "отвечает непонятно"),
    "rate_limited": ("просил проверять реже", "просит проверять реже"),
    "access_denied": ("не давал доступа к данным", "не даёт доступа к данным"),
    "payment_required": ("ждал оплаты или установки", "ждёт оплаты или установки"),
    "revoked": ("не принимал наш доступ", "не принимает наш доступ"),
    "misconfigured": ("не узнавал нас", "не узнаёт нас"),
}
CAUSES = {  # as a filter names them
    "provider_error": "сервис отвечал ошибкой",
    "unreachable": "сервис недоступен",
    "timeout": "сервис не отвечал",
    "tls": "незащищённое соединение",
    "bad_response": "непонятный ответ",
    "access_denied": "нет доступа к данным",
    "payment_required": "не оплачено или не установлено",
    "revoked": "доступ отозван",
}
PERIODS = {1: "сутки", 7: "7 дней", 30: "30 дней", 90: "90 дней", 400: "всё время"}  # days
NO_DATA = "нет данных"
IN_ORDER = "в сети"  # of a bar
FAULTS = {"provider": "по вине сервиса", "you": "ждало вас", "us": "по нашей вине"}
TONES = {"revoked": "d", "offline": "d", "blocked": "w", UNWATCHED: "n"}  # classes of a bar


def deed(cause: str | None, lasted: timedelta, ended: bool, name: str = "Сервис") -> str:
    """ "Сервис не отвечал 18 минут", "Сервис не отвечает уже 2 часа", "Никто не проверял 1 час"."""
    if cause is None:
        return f"Никто не {'проверял' if ended else 'проверяет уже'} {long_span(lasted)}"
    was, now = DEEDS[cause]
    return f"{name} {was} {long_span(lasted)}" if ended else f"{name} {now} уже {long_span(lasted)}"


def proof(evidence: str, last_evidence: str, checks: int) -> str:
    """ "GET /stores → 503; 3 проверки подряд", and the last evidence where it is another one."""
    words = [evidence] if evidence else []
    if checks > 1:
        words.append(f"{checks} {plural(checks, 'проверка', 'проверки', 'проверок')} подряд")
    if last_evidence and _told(last_evidence) != _told(evidence):
        words.append(f"под конец: {last_evidence}")
    return "; ".join(words)


def faster(today: int | None, yesterday: int | None) -> str:
    """ "на 9 мс быстрее, чем вчера"."""
    if today is None or yesterday is None:
        return ""
    if abs(today - yesterday) <= 0.1 * yesterday:  # a median is true to 5 %, both ways
        return "как вчера"
    word = "быстрее" if today < yesterday else "медленнее"
    return f"на {abs(today - yesterday)} мс {word}, чем вчера"


def percent(part: float | None) -> str:
    """ "98,75 %"; cut off, not rounded, so that only what never failed has 100."""
    if part is None:
        return NO_DATA
    hundredths = floor(part * 10_000 + 1e-9)
    if hundredths == 10_000:
        return "100\u00a0%" if part >= 1 else "99,99\u00a0%"
    return f"{hundredths // 100},{hundredths % 100:02}\u00a0%"


def span(lasted: timedelta) -> str:
    """ "45 с", "18 мин", "2 ч 5 мин", "3 дн. 4 ч"."""
    whole = int(lasted.total_seconds())
    if whole < MINUTE:
        return f"{whole} с"
    if whole < HOUR:
        return f"{whole // MINUTE} мин"
    if whole < DAY:
        return _two(whole // HOUR, "ч", whole % HOUR // MINUTE, "мин")
    return _two(whole // DAY, "дн.", whole % DAY // HOUR, "ч")


def long_span(lasted: timedelta) -> str:
    """ "18 минут", "2 часа 5 минут", "3 дня 4 часа": for sentences."""
    whole = int(lasted.total_seconds())
    if whole < MINUTE:
        return f"{whole} {plural(whole, 'секунду', 'секунды', 'секунд')}"
    minutes, hours, days = whole // MINUTE, whole // HOUR, whole // DAY
    if whole < HOUR:
        return _minutes(minutes)
    if whole < DAY:
        return " ".join(filter(None, [_hours(hours), _minutes(minutes % 60)]))
    return " ".join(filter(None, [_days(days), _hours(hours % 24)]))


def spent(split: Split) -> str:
    """What a bar's title says after its time: "в сети", "не работало 18 мин", "нет данных"."""
    if not split.whole:
        return NO_DATA
    words = []
    if split.down:
        own = split.you == split.down
        words.append(f"{'ждало вас' if own else 'не работало'} {span(split.down)}")
    if split.unknown:
        all_of_it = split.unknown == split.whole
        words.append(NO_DATA if all_of_it else f"{NO_DATA} {span(split.unknown)}")
    return ", ".join(words) or IN_ORDER


def downtime(split: Split) -> str:
    """Below a figure: "простой 18 мин", "без простоев"; what was not watched is said too."""
    words = [f"простой {span(split.down)}" if split.down else "без простоев"]
    if split.unknown:
        words.append(f"{NO_DATA} {span(split.unknown)}")
    return ", ".join(words) if split.uptime is not None else "никто не проверял"


def tone(split: Split) -> str:
    """The class of a bar; "" for one that was up whenever somebody looked."""
    if not split.whole or split.unknown == split.whole:
        return "n"
    return "" if split.worst in (None, UNWATCHED) else TONES[str(split.worst)]


def tone_of(status: str) -> str:
    """The class that colours a stretch in a list."""
    return {"d": "bad", "w": "warn"}.get(TONES[status], "idle")


def run_of_half_hours(first: Window, last: Window, zone: ZoneInfo) -> str:
    """ "10:00–14:30"; over midnight with its days, unless it is the one half hour before it."""
    begin = first.began.astimezone(zone)
    end = (last.began + timedelta(minutes=30)).astimezone(zone)
    if begin.date() == end.date() or first is last:
        return f"{begin:%H:%M}–{end:%H:%M}"
    return f"{day_name(begin.date())}, {begin:%H:%M} – {day_name(end.date())}, {end:%H:%M}"


def run_of_days(first: Window, last: Window, zone: ZoneInfo) -> str:
    """ "3 ноября", "27 октября – 3 ноября"."""
    days = [day_name(each.began.astimezone(zone).date()) for each in (first, last)]
    return days[0] if first is last else " – ".join(days)


def day_name(at: date) -> str:
    return f"{at.day} {MONTHS[at.month - 1]}"


def day_and_time(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """ "сегодня, 14:05", "вчера, 14:05", "22 ноября, 14:05"."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    names = {today: "сегодня", today - timedelta(days=1): "вчера"}
    other_year = f" {local.year}" if local.year != today.year else ""
    return f"{names.get(local.date(), day_name(local.date()) + other_year)}, {local:%H:%M}"


def answers(latencies: Sequence[int]) -> str:
    """What a sparkline's title says."""
    count = len(latencies)
    known = plural(count, "ответ", "ответа", "ответов")
    last_ones = plural(count, "Последний", "Последние", "Последние")
    return f"{last_ones} {count} {known}: от {min(latencies)} до {max(latencies)} мс"


def lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _told(evidence: str) -> str:
    """Without how long it took, which is another each time."""
    return evidence.partition(" за ")[0]


def _two(count: int, unit: str, rest: int, smaller: str) -> str:
    return f"{count} {unit} {rest} {smaller}" if rest else f"{count} {unit}"


def _minutes(count: int) -> str:
    return f"{count} {plural(count, 'минуту', 'минуты', 'минут')}" if count else ""


def _hours(count: int) -> str:
    return f"{count} {plural(count, 'час', 'часа', 'часов')}" if count else ""


def _days(count: int) -> str:
    return f"{count} {plural(count, 'день', 'дня', 'дней')}" if count else ""
