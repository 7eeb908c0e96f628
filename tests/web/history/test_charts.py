"""What stands along the edges of the chart of latencies."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.history.latency import Point
from app.history.periods import TimeRange, days, hours
from app.history.timeline import Chart
from app.web.history.charts import chart, scale_of

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 12, 1, 14, 7, tzinfo=UTC)  # 17:07 in Moscow
BOTTOM = re.compile(r'text-anchor="\w+"(?: class="opt")?>([^<]+)<')


@pytest.mark.parametrize(
    ("most", "marks"),
    [
        (0, [0, 1, 2, 3, 4, 5]),
        (7, [0, 2, 4, 6, 8]),
        (137, [0, 50, 100, 150]),
        (250, [0, 50, 100, 150, 200, 250]),
        (251, [0, 100, 200, 300]),
        (3_011, [0, 1_000, 2_000, 3_000, 4_000]),
        (32_000, [0, 10_000, 20_000, 30_000, 40_000]),
    ],
)
def test_the_scale_has_round_numbers(most: int, marks: list[int]) -> None:
    assert scale_of(most) == marks


@pytest.mark.parametrize(
    ("period", "names"),
    [
        ("24h", ["20:00", "1 декабря", "04:00", "08:00", "12:00", "16:00"]),
        ("7d", ["25 ноября", "26 ноября", "27 ноября", "28 ноября"]),
        ("30d", ["2 ноября", "7 ноября", "12 ноября", "17 ноября", "22 ноября", "27 ноября"]),
    ],
)
def test_times_along_the_bottom_are_round_and_midnight_is_a_date(
    period: str, names: list[str]
) -> None:
    assert BOTTOM.findall(chart(chart_of(period)))[: len(names)] == names


def test_an_outage_is_named_with_its_day() -> None:
    ended = NOW - timedelta(days=2)
    down = [TimeRange(ended - timedelta(minutes=20), ended)]
    assert "<title>29 ноября, 16:47–17:07: простой 20 минут</title>" in chart(chart_of("7d", down))


def chart_of(period: str, down: list[TimeRange] | None = None) -> Chart:
    count = {"24h": 24, "7d": 7, "30d": 30}[period]
    windows = hours(NOW, count) if count == 24 else days(NOW, MOSCOW, count)
    points = [Point(window, Counter({50: 2})) for window in windows]
    return Chart(MOSCOW, period, TimeRange(windows[0].began, NOW), points, down or [])
