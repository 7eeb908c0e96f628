"""What templates may call with `|` to show the past."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from app.history.timeline import Timeline
from app.history.uptime import Past
from app.i18n.formatting import (
    day_name,
    long_span,
    lower_first,
    percent,
    recent_day_and_time,
    short_span,
)
from app.web.history.charts import chart
from app.web.history.labels import deed, downtime, faster, proof, tone_of
from app.web.history.sparklines import day_painter, half_hour_painter, spark

LONG_PITCH = 13  # pixels from day to day of a row of 90


def history_filters(zone: ZoneInfo) -> dict[str, Callable[..., Any]]:
    """Times in text are those of the reader (`own_zone`), or else of `zone`; bars know theirs."""
    half_hours, days = cache(half_hour_painter), cache(day_painter)

    def half_hour_bars(past: Past) -> Markup:
        return half_hours(past.zone).bars(past.half_hours, "Доступность за 24 часа", past.day)

    def day_bars(past: Past) -> Markup:
        return days(past.zone).bars(past.days, "Доступность за 30 дней", past.month)

    long = cache(lambda zone: day_painter(zone, LONG_PITCH))

    def long_bars(told: Timeline) -> Markup:
        return long(told.chart.zone).bars(told.long, "Доступность за 90 дней", told.quarter)

    @pass_context
    def local_day_and_time(context: Context, at: datetime) -> str:
        return recent_day_and_time(at, reader(context), datetime.now(UTC))

    @pass_context
    def local_day_name(context: Context, at: datetime) -> str:
        return day_name(at.astimezone(reader(context)).date())

    @pass_context
    def local_day_clock(context: Context, at: datetime) -> str:
        return f"{at.astimezone(reader(context)):%H:%M:%S}"

    def reader(context: Context) -> ZoneInfo:
        return context.get("own_zone") or zone

    return {
        "long_bars": long_bars,
        "chart": chart,
        "deed": lambda each: deed(each.cause, each.lasted, each.ended is not None),
        "proof": lambda each: proof(each.evidence, each.last_evidence, each.checks),
        "faster": lambda told: faster(told.today.median, told.yesterday.median),
        "tone_of": tone_of,
        "lower_first": lower_first,
        "day_and_time": local_day_and_time,
        "day_name": local_day_name,
        "day_clock": local_day_clock,
        "half_hour_bars": half_hour_bars,
        "day_bars": day_bars,
        "spark": spark,
        "percent": percent,
        "span": short_span,
        "long_span": long_span,
        "downtime": downtime,
    }
