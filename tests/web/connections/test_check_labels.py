"""What people read about how often we ask."""

from dataclasses import replace

import pytest

from app.providers.quota import Quota
from app.providers.registry import BUILT_IN
from app.web.connections.check_labels import provider_asks_to_wait, spending

EVOTOR = BUILT_IN[0]


@pytest.mark.parametrize(
    ("quota", "interval", "words"),
    [
        (Quota(10_000, "day"), 600, "мы тратим 144 запроса в сутки из 10\xa0000"),
        (Quota(1, "minute"), 600, "мы тратим 144 запроса в сутки из 1\xa0440"),
        (Quota(100, "hour"), 86_400, "мы тратим 1 запрос в сутки из 2\xa0400"),
        (Quota(100, "day"), 600, "мы тратим 50 запросов в сутки из 100"),  # never more than half
    ],
)
def test_what_a_connection_costs_is_said_by_the_day(
    quota: Quota, interval: float, words: str
) -> None:
    assert spending(replace(EVOTOR, quota=quota), interval) == words


def test_where_no_limit_is_known_nothing_is_said() -> None:
    assert spending(EVOTOR, 600) == ""


def test_a_provider_that_wants_to_wait_is_named_with_the_time() -> None:
    assert "«Wildberries»" in provider_asks_to_wait("Wildberries", 45)
    assert "через 45 с." in provider_asks_to_wait("Wildberries", 45)
    assert "через 2 мин." in provider_asks_to_wait("Wildberries", 61)
