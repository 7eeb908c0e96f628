"""The words of the monthly report."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.history.periods import TimeRange, month
from app.history.uptime import Breakdown
from app.i18n.formatting import moment
from app.models.connection import Cause
from app.web.history.report_labels import clock_of, days_text, event, month_name, spendings, verdict

MOSCOW, BERLIN, UTC_ZONE = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
OCTOBER = month(2026, 10, MOSCOW)
MINUTE = timedelta(minutes=1)
WHOLE = OCTOBER.whole


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (Breakdown(WHOLE), "Доступность за октябрь: 100 %, без простоев"),
        (
            Breakdown(WHOLE, provider=17 * MINUTE),
            "Доступность за октябрь: 99,96 %, простой 17 мин, из них по вине сервиса 17 мин",
        ),
        (
            Breakdown(WHOLE, you=MINUTE, us=2 * MINUTE, unknown=WHOLE / 2),
            "Доступность за октябрь: 99,98 %, простой 3 мин, из них ждало вас 1 мин, "
            "по нашей вине 2 мин, нет данных 15 дн. 12 ч",
        ),
        (Breakdown(2 * MINUTE), "Доступность за октябрь: наблюдаем 2 минуты, без простоев"),
        (Breakdown(WHOLE, unknown=WHOLE), "За октябрь данных нет: никто не проверял."),
        (Breakdown(WHOLE * 0), "За октябрь ничего нет: подключения тогда ещё не было."),
    ],
)
def test_a_month_in_one_sentence(split: Breakdown, said: str) -> None:
    assert verdict(split, OCTOBER, MOSCOW).replace("\u00a0", " ") == said


def test_spendings_add_up_to_the_second() -> None:
    almost = timedelta(seconds=1.9)
    rows = dict(spendings(Breakdown(WHOLE, almost, almost, almost)))
    assert rows["В сети"] == "743:59:57"
    assert rows["Всего"] == "744:00:00"


def test_names_of_the_period() -> None:
    assert month_name(OCTOBER, MOSCOW) == "октябрь 2026"
    assert days_text(OCTOBER, MOSCOW) == "1–31 октября 2026 года"
    assert (
        days_text(TimeRange(OCTOBER.began, OCTOBER.began + MINUTE), MOSCOW) == "1 октября 2026 года"
    )
    assert moment(datetime(2026, 10, 5, 11, 5, 9, tzinfo=UTC), MOSCOW) == "5 октября, 14:05:09"


def test_the_clock_says_how_far_it_is_off() -> None:
    assert clock_of(OCTOBER, MOSCOW) == "Москва, Санкт-Петербург (МСК), UTC+3"
    assert clock_of(month(2026, 10, BERLIN), BERLIN) == "Берлин, UTC+2 и UTC+1"
    assert clock_of(month(2026, 10, UTC_ZONE), UTC_ZONE) == "Всемирное время (UTC), UTC"
    newfoundland = ZoneInfo("America/St_Johns")
    assert clock_of(month(2026, 1, newfoundland), newfoundland) == "America/St_Johns, UTC−3:30"


@pytest.mark.parametrize("cause", [*Cause, None])
def test_every_cause_has_words(cause: Cause | None) -> None:
    assert event(cause)
