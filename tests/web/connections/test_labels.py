from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.i18n import formatting
from app.models.connection import Cause, Status
from app.web.connections import labels

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


def test_every_status_has_words() -> None:
    assert set(labels.STATUS) == set(Status)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_says_whose_move_it_is(cause: Cause) -> None:
    text = labels.advice(Card(status="offline", cause=cause, fault=cause.fault))
    assert "{" not in text
    assert "Эвотор" in text
    assert ("От вас ничего не нужно" in text) is (cause.fault != "you")


def test_what_is_down_for_many_is_said_to_be() -> None:
    out = Card(status="degraded", cause="timeout", fault="provider", provider_down_since=NOW)
    assert "у многих сразу" in labels.advice(out)
    blocked = Card(status="blocked", cause="access_denied", fault="you", provider_down_since=NOW)
    assert "личный кабинет" in labels.advice(blocked)


def test_a_provider_that_is_down_is_no_reason_to_reconnect() -> None:
    for cause in Cause:
        if cause.fault == "provider":
            text = labels.advice(Card(status="offline", cause=cause, fault="provider"))
            assert "переподключение не поможет" in text


def test_a_service_that_refuses_everybody_asks_nobody_for_anything() -> None:
    for cause in Cause:
        for status in ("degraded", "revoked", "blocked", "offline"):
            card = Card(
                status=status,
                cause=cause,
                fault=cause.fault,
                provider_down_since=NOW,
                provider_refuses_all=True,
            )
            assert labels.advice(card) == labels.REFUSES_ALL.format(name="Эвотор")


def test_a_contradiction_that_lasts_for_hours_may_be_tried_with_a_new_grant() -> None:
    card = Card(status="offline", cause="inconsistent", fault="provider")
    assert "переподключение не поможет" in labels.advice(card)
    assert "можно попробовать «Переподключить»" in labels.advice(replace(card, is_lasting=True))
    lasting = Card(status="offline", cause="timeout", fault="provider", is_lasting=True)
    assert "переподключение не поможет" in labels.advice(lasting)


def test_another_account_that_answers_is_said_at_once() -> None:
    card = Card(status="degraded", cause="account_changed", fault="you")
    assert "другой аккаунт «Эвотор»" in labels.advice(card)


def test_a_delivered_key_comes_by_itself() -> None:
    for cause, status in (("revoked", "revoked"), ("access_denied", "blocked")):
        gone = Card(status=status, cause=cause, fault="you", delivered=True)
        assert "придёт к нам сам" in labels.advice(gone)


def test_a_dead_key_is_replaced_and_not_allowed_anew() -> None:
    dead = Card(name="Ozon", status="revoked", cause="revoked", fault="you", by_key=True)
    assert labels.cause_text(dead) == "Ключ больше не действует"
    assert "Создайте новый" in labels.advice(dead)
    assert "разрешите" not in labels.advice(dead)


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize(("by_key", "delivered"), [(False, False), (True, False), (False, True)])
def test_the_strong_button_is_the_one_that_the_advice_names(
    cause: Cause, by_key: bool, delivered: bool
) -> None:
    status = {"you": "blocked", "provider": "offline", "us": "degraded"}[cause.fault]
    for is_lasting in (False, True):
        card = Card(
            status=status,
            cause=cause,
            fault=cause.fault,
            by_key=by_key,
            delivered=delivered,
            is_lasting=is_lasting,
        )
        named = {"check": "«Проверить»", "reconnect": "«Переподключить»"}
        button = labels.advised_button(card)
        if button and not delivered:
            assert named[button] in labels.advice(card)
        assert button or not any(each in labels.advice(card) for each in named.values())


def test_a_first_strike_asks_nothing_of_the_person() -> None:
    card = Card(status="degraded", cause="access_denied", fault="you")
    assert labels.advice(card) == labels.FIRST_STRIKE


def test_a_healthy_card_has_no_cause_and_no_advice() -> None:
    assert labels.cause_text(Card()) == ""
    assert labels.advice(Card()) == ""


def test_the_summary_counts_every_status_zeros_too() -> None:
    counts = {
        status: count for status, _, count in labels.summary([Card(), Card(status="offline")])
    }
    assert counts["online"] == counts["offline"] == 1
    assert counts["revoked"] == 0


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW, "14:02:05"),
        (datetime(2026, 11, 22, 22, 30, tzinfo=UTC), "01:30:00"),  # today in Moscow already
        (datetime(2026, 11, 22, 11, 2, tzinfo=UTC), "22 ноября, 14:02"),
    ],
)
def test_a_time_is_the_reader_s_and_names_another_day(moment: datetime, text: str) -> None:
    assert formatting.clock(moment, MOSCOW, NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 с"),
        (59, "59 с"),
        (60, "1 мин"),
        (61, "2 мин"),  # who comes back when told must not be sent away again
        (149, "3 мин"),
        (1080, "18 мин"),
        (7200, "2 ч"),
        (7441, "2 ч 5 мин"),
        (172_800, "2 дн."),
    ],
)
def test_a_time_to_wait_is_long_enough(seconds: int, text: str) -> None:
    assert formatting.time_to_wait(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "каждую секунду"),
        (5, "каждые 5 секунд"),
        (21, "каждую 21 секунду"),
        (60, "каждую минуту"),
        (120, "каждые 2 минуты"),
        (600, "каждые 10 минут"),
        (660, "каждые 11 минут"),
    ],
)
def test_an_interval_is_said_in_good_russian(seconds: float, text: str) -> None:
    assert formatting.every(seconds) == text
