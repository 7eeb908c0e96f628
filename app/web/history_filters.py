"""What templates may call with `|` to show the past."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from app.biography import Biography
from app.history import Past
from app.web.charts import chart
from app.web.drawing import day_painter, half_hour_painter, spark
from app.web.wording_history import (
    day_and_time,
    day_name,
    deed,
    downtime,
    faster,
    long_span,
    lower_first,
    percent,
    proof,
    span,
    tone_of,
)

LONG_PITCH = 13  # pixels from day to day of a row of 90


def history_filters(zone: ZoneInfo) -> dict[str, Callable[..., Any]]:
    half_hours, days = half_hour_painter(zone), day_painter(zone)

    def half_hour_bars(past: Past) -> Markup:
        return half_hours.bars(past.half_hours, "Доступность за 24 часа", past.day)

    def day_bars(past: Past) -> Markup:
        return days.bars(past.days, "Доступность за 30 дней", past.month)

    long = day_painter(zone, LONG_PITCH)

    def long_bars(told: Biography) -> Markup:
        return long.bars(told.long, "Доступность за 90 дней", told.quarter)

    return {
        "long_bars": long_bars,
        "chart": lambda given: chart(given, zone),
        "deed": lambda each: deed(each.cause, each.lasted, each.ended is not None),
        "proof": lambda each: proof(each.evidence, each.last_evidence, each.checks),
        "faster": lambda told: faster(told.today.median, told.yesterday.median),
        "tone_of": tone_of,
        "lower_first": lower_first,
        "day_and_time": lambda at: day_and_time(at, zone, datetime.now(UTC)),
        "day_name": lambda at: day_name(at.astimezone(zone).date()),
        "day_clock": lambda at: f"{at.astimezone(zone):%H:%M:%S}",
        "half_hour_bars": half_hour_bars,
        "day_bars": day_bars,
        "spark": spark,
        "percent": percent,
        "span": span,
        "long_span": long_span,
        "downtime": downtime,
    }
