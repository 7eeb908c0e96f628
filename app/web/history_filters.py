"""What templates may call with `|` to show the past."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from app.history import Past
from app.web.drawing import day_painter, half_hour_painter, spark
from app.web.wording_history import downtime, long_span, percent, span


def history_filters(zone: ZoneInfo) -> dict[str, Callable[..., Any]]:
    half_hours, days = half_hour_painter(zone), day_painter(zone)

    def half_hour_bars(past: Past) -> Markup:
        return half_hours.bars(past.half_hours, "Доступность за 24 часа", past.day)

    def day_bars(past: Past) -> Markup:
        return days.bars(past.days, "Доступность за 30 дней", past.month)

    return {
        "half_hour_bars": half_hour_bars,
        "day_bars": day_bars,
        "spark": spark,
        "percent": percent,
        "span": span,
        "long_span": long_span,
        "downtime": downtime,
    }
