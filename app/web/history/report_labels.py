"""Russian texts of the monthly report and of the CSV exports. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from app.history.monthly_report import MonthlyReport
from app.history.periods import TimeRange
from app.history.uptime import Breakdown
from app.i18n.cause_texts import CAUSE_TEXTS
from app.i18n.formatting import (
    MINUTE,
    MONTH_NAMES,
    MONTHS,
    NO_DATA,
    day_name,
    hours_minutes_seconds,
    percent,
    short_span,
)
from app.i18n.timezones import ZONES
from app.models.connection import Cause
from app.web.history.labels import availability


class FaultTexts(NamedTuple):
    who: str  # a table's column "Чья вина"
    of_outage: str  # behind what an outage was
    of_span: str  # before how long it lasted


FAULTS = {
    "provider": FaultTexts("сервис", "вина сервиса", "по вине сервиса"),
    "you": FaultTexts("ждало вас", "ждало вас", "ждало вас"),
    "us": FaultTexts("мы", "наша вина", "по нашей вине"),
}
STATUSES = {
    "offline": "не работало",
    "blocked": "ждало ваших действий",
    "revoked": "нужно было переподключить",
}
ALL = "Все вместе"
Record = Mapping[str, object]

OUTAGE_HEADINGS = (
    *("Сервис", "Подключение", "Начало", "Конец", "Длилось, мин", "Что было", "Причина"),
    *("Чья вина", "Проверок", "Сбой у всего сервиса", "Ответ сервиса", "Последний ответ"),
    *("Номер подключения", "Аккаунт", "Метки"),
)
UPTIME_HEADINGS = (
    *("Сервис", "Подключение", "Начало", "Конец", "Доступность, %", "Простой, мин"),
    *("По вине сервиса, мин", "Ждало вас, мин", "По нашей вине, мин", "Нет данных, мин"),
    *("Номер подключения", "Аккаунт", "Метки"),
)
DOWN = ("down", "down_by_provider", "down_by_you", "down_by_us", "no_data")


def outage_row(record: Record, titles: Mapping[str, str]) -> list[object]:
    """One of `outage_list.records` under OUTAGE_HEADINGS."""
    return [
        titles.get(str(record["provider"]), record["provider"]),
        *(record[name] for name in ("title", "opened_at", "closed_at")),
        _minutes(record["seconds"]),
        STATUSES[str(record["status"])],
        CAUSE_TEXTS[str(record["cause"])].noun,
        FAULTS[str(record["fault"])].who,
        record["checks"],
        "да" if record["provider_wide"] else "нет",
        *(record[name] for name in ("evidence", "last_evidence", "connection", "details")),
        _tags(record),
    ]


def uptime_row(record: Record, titles: Mapping[str, str]) -> list[object]:
    """One of `uptime_table.records` under UPTIME_HEADINGS."""
    provider, uptime = record["provider"], record["uptime"]
    return [
        titles.get(str(provider), provider) if provider else ALL,
        *(record[name] for name in ("title", "began_at", "ended_at")),
        percent(uptime).split("\u00a0")[0] if isinstance(uptime, float) else None,
        *(_minutes(record[f"{name}_seconds"]) for name in DOWN),
        record["connection"],
        record["details"],
        _tags(record),
    ]


def _tags(record: Record) -> str:
    tags = record["tags"]
    return ", ".join(tags) if isinstance(tags, list) else ""


def event(cause: str | None) -> str:
    """What one interval was; without a cause: nobody was checking."""
    if cause is None:
        return f"{NO_DATA}: никто не проверял"
    name = CAUSE_TEXTS[cause].noun
    return f"{name} ({FAULTS[Cause(cause).fault].of_outage})"


def month_name(window: TimeRange, zone: ZoneInfo) -> str:
    """ "октябрь 2026"."""
    began = window.began.astimezone(zone)
    return f"{MONTH_NAMES[began.month - 1]} {began.year}"


def month_number(window: TimeRange, zone: ZoneInfo) -> str:
    """ "2026-10", as an address has it."""
    return f"{window.began.astimezone(zone):%Y-%m}"


def table_query(connection_id: UUID, report: MonthlyReport, zone: ZoneInfo) -> str:
    """Query of the exports for the report's days: "connection=…&from=2026-10-01&to=…"."""
    windows = report.days.windows or [report.window]
    first, last = (at.astimezone(zone).date() for at in (report.window.began, windows[-1].began))
    return urlencode({"connection": connection_id, "from": first, "to": last})


def days_text(window: TimeRange, zone: ZoneInfo) -> str:
    """ "1–31 октября 2026 года", "25 октября 2026 года"."""
    began = window.began.astimezone(zone)
    latest = max(window.began, window.ended - timedelta.resolution).astimezone(zone)
    numbers = str(began.day) if began.day == latest.day else f"{began.day}–{latest.day}"
    return f"{numbers} {MONTHS[began.month - 1]} {began.year} года"


def day_of(window: TimeRange, zone: ZoneInfo) -> str:
    """ "1 октября"."""
    return day_name(window.began.astimezone(zone).date())


def verdict(split: Breakdown, window: TimeRange, zone: ZoneInfo) -> str:
    """ "Доступность за октябрь: 99,96 %, простой 17 мин, из них по вине сервиса 17 мин."."""
    name = MONTH_NAMES[window.began.astimezone(zone).month - 1]
    if not split.whole:
        return f"За {name} ничего нет: подключения тогда ещё не было."
    if split.uptime is None:
        return f"За {name} данных нет: никто не проверял."
    rest = [f"{NO_DATA} {_span(split.unknown)}"] if split.unknown else []
    return ", ".join([f"Доступность за {name}: {availability(split)}", *_downtime(split), *rest])


def spendings(split: Breakdown) -> list[tuple[str, str]]:
    """How the month's time is divided: name and "H:MM:SS". The rows add up to the second, because
    the time online is computed as what the others leave.
    """
    parts = {
        "По вине сервиса": split.provider,
        "Ждало вас": split.you,
        "По нашей вине": split.us,
        "Нет данных": split.unknown,
    }
    seconds = {name: int(lasted.total_seconds()) for name, lasted in parts.items()}
    whole = int(split.whole.total_seconds())
    rows = {"В сети": whole - sum(seconds.values()), **seconds, "Всего": whole}
    return [(name, hours_minutes_seconds(count)) for name, count in rows.items()]


def clock_of(window: TimeRange, zone: ZoneInfo) -> str:
    """ "Москва, Санкт-Петербург (МСК), UTC+3"; both offsets where the clocks change within."""
    ends = (window.began, max(window.began, window.ended - timedelta.resolution))
    offsets = dict.fromkeys(_offset(at.astimezone(zone)) for at in ends)
    name = ZONES.get(zone.key, zone.key)
    return ", ".join(dict.fromkeys([name, " и ".join(offsets)]))


def _downtime(split: Breakdown) -> Iterable[str]:
    if not split.down:
        return ["без простоев"]
    spans = {fault: _of(split, fault) for fault in FAULTS}
    parts = [f"{FAULTS[fault].of_span} {_span(span)}" for fault, span in spans.items() if span]
    return [f"простой {_span(split.down)}, из них {', '.join(parts)}"]


def _span(lasted: timedelta) -> str:
    """With spaces that do not break at the end of a line."""
    return short_span(lasted).replace(" ", "\u00a0")


def _of(split: Breakdown, fault: str) -> timedelta:
    lasted: timedelta = getattr(split, fault)
    return lasted


def _offset(local: datetime) -> str:
    """ "UTC+3", "UTC+5:30", "UTC"."""
    minutes = int((local.utcoffset() or timedelta(0)).total_seconds()) // MINUTE
    size = f"{abs(minutes) // 60}" + (f":{abs(minutes) % 60:02}" if minutes % 60 else "")
    return f"UTC{'+' if minutes > 0 else '−'}{size}" if minutes else "UTC"


def _minutes(seconds: object) -> float:
    return float(str(seconds)) / MINUTE
