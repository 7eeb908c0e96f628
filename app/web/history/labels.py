"""Russian texts of bars, figures and outages. Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from app.history.latency import Point
from app.history.latency_ring import PastCheck
from app.history.periods import TimeRange
from app.history.slow_periods import SlowTime
from app.history.timeline import Interval
from app.history.uptime import NO_TIME, Breakdown
from app.i18n.cause_texts import CAUSE_TEXTS
from app.i18n.formatting import (
    NO_DATA,
    counted,
    day_name,
    long_span,
    milliseconds,
    percent,
    plural,
    short_span,
    thousands,
)
from app.models.connection import UNWATCHED

# The causes that an outage can have, as a filter names them.
CAUSES = {cause: texts.noun for cause, texts in CAUSE_TEXTS.items() if texts.makes_outages}
PERIODS = {1: "сутки", 7: "7 дней", 30: "30 дней", 90: "90 дней", 400: "всё время"}  # days
MEANINGFUL = timedelta(
    hours=1
)  # watched for less, a share says more about chance than about uptime
COMPARABLE = 10  # answers of a day, from which on its median is compared
IN_ORDER = "в сети"  # of a bar
SHOWN_TO = timedelta(seconds=1)
ONE_FAILURE = "один раз, не подтвердилось"
TONES = {"revoked": "d", "offline": "d", "blocked": "w", UNWATCHED: "n"}  # classes of a bar


def outage_text(cause: str | None, lasted: timedelta, ended: bool, name: str = "Сервис") -> str:
    """ "Сервис не отвечал 18 минут", "Сервис не отвечает уже 2 часа", "Никто не проверял 1 час"."""
    if cause is None:
        return f"Никто не {'проверял' if ended else 'проверяет уже'} {long_span(lasted)}"
    texts = CAUSE_TEXTS[cause]
    did = texts.was if ended else f"{texts.still} уже"
    return f"{name} {did} {long_span(lasted)}"


def proof(evidence: str, last_evidence: str, checks: int) -> str:
    """ "GET /stores → 503; 3 проверки подряд", and the last evidence where it is another one."""
    words = [evidence] if evidence else []
    if checks > 1:
        words.append(f"{checks} {plural(checks, 'проверка', 'проверки', 'проверок')} подряд")
    if last_evidence and _told(last_evidence) != _told(evidence):
        words.append(f"под конец: {last_evidence}")
    return "; ".join(words)


def reason(look: PastCheck, intervals: Iterable[Interval]) -> str:
    """Why a check failed: what the outage says that it belongs to, of those given."""
    if look.at is None:
        return ""
    for each in intervals:
        began = each.began - SHOWN_TO  # the time of a check is cut to the second
        if each.cause and began <= look.at <= (each.ended or look.at):
            return CAUSE_TEXTS[each.cause].noun
    return ONE_FAILURE


def availability(split: Breakdown) -> str:
    """ "99,69 %"; "наблюдаем 2 минуты" as long as a share would mean nothing."""
    if NO_TIME < split.watched < MEANINGFUL:
        word = "наблюдали" if split.unknown else "наблюдаем"
        return f"{word} {long_span(split.watched)}"
    return percent(split.uptime)


def faster(today_point: Point, yesterday_point: Point) -> str:
    """ "на 9 мс быстрее, чем вчера"; nothing where a day has too few answers to say so."""
    today, yesterday = today_point.median, yesterday_point.median
    few = min(today_point.counts.total(), yesterday_point.counts.total()) < COMPARABLE
    if few or today is None or yesterday is None:
        return ""
    if abs(today - yesterday) <= 0.1 * yesterday:  # a median is true to 5 %, both ways
        return "как вчера"
    word = "быстрее" if today < yesterday else "медленнее"
    return f"на {milliseconds(abs(today - yesterday))} {word}, чем вчера"


def slowness(slow: SlowTime) -> str:
    """ "2 раза, всего 3 ч 10 мин"; nothing where it never was."""
    if not slow.count:
        return ""
    times = counted(slow.count, "раз", "раза", "раз")
    return f"{times}, всего {short_span(slow.lasted)}"


def bar_title(split: Breakdown) -> str:
    """The end of a bar's title: "в сети", "не работало 18 мин", "нет данных"."""
    if not split.whole:
        return NO_DATA
    words = []
    if split.down:
        own = split.you == split.down
        words.append(f"{'ждало вас' if own else 'не работало'} {short_span(split.down)}")
    if split.unknown:
        all_of_it = split.unknown == split.whole
        words.append(NO_DATA if all_of_it else f"{NO_DATA} {short_span(split.unknown)}")
    return ", ".join(words) or IN_ORDER


def downtime(split: Breakdown) -> str:
    """The line below a figure: "простой 18 мин за 23 ч наблюдения", with the time without data."""
    if split.uptime is None:
        return "никто не проверял"
    watched = f" за {short_span(split.watched)} наблюдения"
    words = [(f"простой {short_span(split.down)}" if split.down else "без простоев") + watched]
    if split.unknown:
        words.append(f"{NO_DATA} {short_span(split.unknown)}")
    return ", ".join(words)


def tone(split: Breakdown) -> str:
    """The CSS class of a bar; "" if every check in it succeeded."""
    if not split.whole or split.unknown == split.whole:
        return "n"
    return "" if split.worst in (None, UNWATCHED) else TONES[str(split.worst)]


def tone_of(status: str) -> str:
    """The CSS class of an interval in a list."""
    return {"d": "bad", "w": "warn"}.get(TONES[status], "idle")


def run_of_half_hours(first: TimeRange, last: TimeRange, zone: ZoneInfo) -> str:
    """ "10:00–14:30"; over midnight with its days, unless it is the one half hour before it."""
    begin = first.began.astimezone(zone)
    end = (last.began + timedelta(minutes=30)).astimezone(zone)
    if begin.date() == end.date() or first is last:
        return f"{begin:%H:%M}–{end:%H:%M}"
    return f"{day_name(begin.date())}, {begin:%H:%M} – {day_name(end.date())}, {end:%H:%M}"


def run_of_days(first: TimeRange, last: TimeRange, zone: ZoneInfo) -> str:
    """ "3 ноября", "27 октября – 3 ноября"."""
    days = [day_name(each.began.astimezone(zone).date()) for each in (first, last)]
    return days[0] if first is last else " – ".join(days)


def answers(latencies: Sequence[int]) -> str:
    """The title of a sparkline."""
    count = len(latencies)
    known = plural(count, "ответ", "ответа", "ответов")
    last_ones = plural(count, "Последний", "Последние", "Последние")
    ends = f"от {thousands(min(latencies))} до {milliseconds(max(latencies))}"
    return f"{last_ones} {count} {known}: {ends}"


def _told(evidence: str) -> str:
    """Without the latency, which differs each time."""
    return evidence.partition(" за ")[0]
