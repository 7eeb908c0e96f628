"""How long a grant lasts, and whose move it is, in good Russian."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from app.connections.pending_reconnects import PendingReconnect
from app.i18n import formatting
from app.models.connection import Cause, Status
from app.web.connections import grant_labels, reconnect_labels
from app.web.connections.labels import FLASH

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 23, 11, 2, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Card:
    name: str = "Эвотор"
    status: str = "online"
    cause: str | None = None
    fault: str | None = None
    by_key: bool = False
    delivered: bool = False
    provider_down_since: datetime | None = None
    provider_refuses_all: bool = False
    is_lasting: bool = False
    paused: bool = False


@pytest.mark.parametrize(
    ("after", "text", "soon"),
    [
        (timedelta(hours=1), "истекает сегодня", True),
        (timedelta(hours=11), "истекает завтра", True),  # after midnight in Moscow
        (timedelta(days=1), "истекает завтра", True),
        (timedelta(days=2), "истекает через 2 дня", True),
        (timedelta(days=5), "истекает через 5 дней", True),
        (timedelta(days=7), "истекает через 7 дней", True),
        (timedelta(days=8), "истекает через 8 дней", False),
        (timedelta(days=11), "истекает через 11 дней", False),
        (timedelta(days=21), "истекает через 21 день", False),
        (timedelta(days=30), "истекает через 30 дней", False),
        (timedelta(seconds=0), "закончился", True),
        (timedelta(days=-3), "закончился", True),
    ],
)
def test_the_last_day_comes_nearer(after: timedelta, text: str, soon: bool) -> None:
    assert grant_labels.expiry(NOW + after, MOSCOW, NOW) == grant_labels.Expiry(text, soon)


def test_a_last_day_that_is_far_away_is_no_news() -> None:
    assert grant_labels.expiry(NOW + timedelta(days=31), MOSCOW, NOW) is None


def test_a_day_has_its_year() -> None:
    assert formatting.day(NOW, MOSCOW) == "23 ноября 2026"


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("status", [each for each in Status if each != Status.DISCONNECTED])
def test_every_trouble_says_whose_move_it_is(status: Status, cause: Cause) -> None:
    card = Card(status=status, cause=cause, fault=cause.fault)
    said = grant_labels.move(card)
    assert said
    assert "{" not in said


def test_in_an_outage_for_everybody_the_move_is_the_providers() -> None:
    card = Card(status="degraded", cause="timeout", fault="provider", provider_down_since=NOW)
    assert grant_labels.move(card) == "Ход сервиса"


def test_where_everybody_is_refused_the_move_is_the_providers() -> None:
    card = Card(status="revoked", cause="revoked", fault="you", provider_refuses_all=True)
    assert grant_labels.move(card) == "Ход сервиса"


def test_what_can_be_said_of_a_disconnect_can_be_said_of_a_cancel() -> None:
    ends = {code.removeprefix("disconnected_") for code in FLASH if code.startswith("disc")}
    assert set(reconnect_labels.CANCELLED) == ends


def test_quotes_inside_quotes_are_inner_ones() -> None:
    assert reconnect_labels.called("Склад «Север»", None) == "Склад „Север“"


@pytest.mark.parametrize("cause", [None, *Cause])
@pytest.mark.parametrize("asks", [False, True])
def test_a_strip_always_has_something_to_say(cause: Cause | None, asks: bool) -> None:
    nameless = (None, "shop-2", "Магазин", "shop-1")
    pending = PendingReconnect(uuid4(), "evotor", asks, "degraded", cause, *nameless)
    said = reconnect_labels.pending_text(pending, "Эвотор")
    assert "Магазин" in said.text
    assert "{" not in said.title + said.text
