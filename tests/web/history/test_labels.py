from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.history.latency import Point, histogram
from app.history.periods import TimeRange
from app.history.uptime import Breakdown
from app.i18n import formatting
from app.models.connection import Cause, Status
from app.monitor.verdict import CONFIRMED_STATUS
from app.web.history import labels

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)  # 14:00 in Moscow
MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (None, "нет данных"),
        (1.0, "100\u00a0%"),
        (0.999_999_9, "99,99\u00a0%"),  # what failed once has no 100
        (0.999_6, "99,96\u00a0%"),
        (0.987_4, "98,74\u00a0%"),
        (0.0, "0,00\u00a0%"),
    ],
)
def test_only_what_never_failed_has_a_hundred(part: float | None, text: str) -> None:
    assert formatting.percent(part) == text


def test_a_filter_offers_the_causes_that_are_not_ours() -> None:
    amber = {cause for cause, status in CONFIRMED_STATUS.items() if status is Status.DEGRADED}
    assert set(labels.CAUSES) == set(Cause) - amber


@pytest.mark.parametrize(
    ("lasted", "text"),
    [
        (timedelta(seconds=1), "1 секунду"),
        (timedelta(minutes=18), "18 минут"),
        (timedelta(hours=2, minutes=5), "2 часа 5 минут"),
        (timedelta(days=3, hours=4), "3 дня 4 часа"),
        (timedelta(days=21), "21 день"),
    ],
)
def test_a_span_in_a_sentence(lasted: timedelta, text: str) -> None:
    assert formatting.long_span(lasted) == text


def test_an_outage_is_told_as_what_the_service_did() -> None:
    assert labels.outage_text("timeout", 18 * HOUR / 60, True) == "Сервис не отвечал 18 минут"
    assert labels.outage_text("timeout", 2 * HOUR, False) == "Сервис не отвечает уже 2 часа"
    assert labels.outage_text(None, HOUR, True) == "Никто не проверял 1 час"


def test_the_last_evidence_is_told_where_it_is_another_one() -> None:
    first = "GET /stores → 503 за 412 мс"
    assert labels.proof(first, "GET /stores → 503 за 90 мс", 3) == f"{first}; 3 проверки подряд"
    assert labels.proof(first, "GET /stores → 502 за 90 мс", 1).endswith(
        "под конец: GET /stores → 502 за 90 мс"
    )


@pytest.mark.parametrize(
    ("split", "text"),
    [
        (Breakdown(HOUR), "в сети"),
        (Breakdown(HOUR, provider=HOUR / 2, worst="offline"), "не работало 30 мин"),
        (Breakdown(HOUR, you=HOUR / 2, worst="blocked"), "ждало вас 30 мин"),
        (Breakdown(HOUR, unknown=HOUR, worst="unwatched"), "нет данных"),
        (Breakdown(HOUR, unknown=HOUR / 4, worst="unwatched"), "нет данных 15 мин"),
        (Breakdown(timedelta(0)), "нет данных"),
    ],
)
def test_a_bar_says_what_was(split: Breakdown, text: str) -> None:
    assert labels.bar_title(split) == text


def test_what_nobody_watched_is_no_green_bar() -> None:
    assert labels.tone(Breakdown(HOUR, unknown=HOUR, worst="unwatched")) == "n"
    assert labels.tone(Breakdown(HOUR)) == ""


def test_a_day_is_named_as_people_name_it() -> None:
    now = datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert formatting.recent_day_and_time(now, MOSCOW, now) == "сегодня, 14:00"
    assert formatting.recent_day_and_time(now - 24 * HOUR, MOSCOW, now) == "вчера, 14:00"
    assert (
        formatting.recent_day_and_time(now - 400 * 24 * HOUR, MOSCOW, now)
        == "19 октября 2025, 14:00"
    )


def test_a_median_that_moved_less_than_it_is_true_did_not_move() -> None:
    assert labels.faster(answers(100), answers(105)) == "как вчера"
    assert labels.faster(answers(100), answers(150)) == "на 47\u00a0мс быстрее, чем вчера"


def test_a_median_of_few_answers_is_compared_with_nothing() -> None:
    assert labels.faster(answers(100, count=3), answers(150)) == ""
    assert labels.faster(answers(100), answers(150, count=0)) == ""


def answers(latency_ms: int, count: int = 20) -> Point:
    return Point(TimeRange(NOON, NOON + HOUR), histogram([latency_ms] * count))


@pytest.mark.parametrize(
    ("split", "figure", "line"),
    [
        (Breakdown(MINUTE * 2), "наблюдаем 2 минуты", "без простоев за 2 мин наблюдения"),
        (
            Breakdown(MINUTE * 3, provider=MINUTE, worst="offline"),
            "наблюдаем 3 минуты",
            "простой 1 мин за 3 мин наблюдения",
        ),
        (
            Breakdown(24 * HOUR, unknown=23.5 * HOUR, worst="unwatched"),
            "наблюдали 30 минут",
            "без простоев за 30 мин наблюдения, нет данных 23 ч 30 мин",
        ),
        (
            Breakdown(HOUR, us=HOUR / 4, worst="offline"),
            "75,00\u00a0%",
            "простой 15 мин за 1 ч наблюдения",
        ),
        (Breakdown(24 * HOUR), "100\u00a0%", "без простоев за 1 дн. наблюдения"),
        (Breakdown(HOUR, unknown=HOUR, worst="unwatched"), "нет данных", "никто не проверял"),
        (Breakdown(0 * HOUR), "нет данных", "никто не проверял"),
    ],
)
def test_a_share_is_of_the_time_observed_and_waits_until_it_means_something(
    split: Breakdown, figure: str, line: str
) -> None:
    assert labels.availability(split) == figure
    assert labels.downtime(split) == line


@pytest.mark.parametrize(
    ("hours", "text"),
    [(0, "в 14:00"), (9, "в 23:00"), (10, "завтра в 00:00"), (-15, "вчера в 23:00")],
)
def test_a_time_that_is_not_todays_has_its_day(hours: int, text: str) -> None:
    assert formatting.at_clock(NOON + hours * HOUR, MOSCOW, NOON) == text
    assert formatting.at_clock(NOON + 48 * HOUR, MOSCOW, NOON) == "25 ноября в 14:00"


def test_a_long_latency_is_read_in_groups() -> None:
    assert formatting.milliseconds(3_011) == "3\u00a0011\u00a0мс"


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("25 10:00", "25 10:00", "10:00–10:30"),
        ("25 10:00", "25 14:00", "10:00–14:30"),
        ("25 23:30", "25 23:30", "23:30–00:00"),
        ("24 22:00", "25 07:30", "24 ноября, 22:00 – 25 ноября, 08:00"),
    ],
)
def test_a_run_of_half_hours_is_named_by_its_ends(first: str, last: str, text: str) -> None:
    assert labels.run_of_half_hours(*ends(first, last), MOSCOW) == text


def test_a_run_of_days_is_named_by_its_ends() -> None:
    days = ends("01 00:00", "24 00:00")
    assert labels.run_of_days(*days, MOSCOW) == "1 ноября – 24 ноября"
    assert labels.run_of_days(days[0], days[0], MOSCOW) == "1 ноября"


def ends(first: str, last: str) -> tuple[TimeRange, TimeRange]:
    """Windows that begin at these times of November in Moscow; one where they are the same."""
    begins = [
        datetime.strptime(f"2026-11-{each}", "%Y-%m-%d %H:%M").replace(tzinfo=MOSCOW)
        for each in (first, last)
    ]
    windows = [TimeRange(begin, begin + HOUR / 2) for begin in begins]
    return windows[0], windows[0] if first == last else windows[1]
