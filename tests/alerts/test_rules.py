"""What is told, and what is not: a connection as it is, against what its person was told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from app.alerts.rules import Around, Decision, decide
from app.alerts.types import AlertedState, ConnectionState, Kind, OpenProviderOutage, Preferences

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WISHES = Preferences(ZoneInfo("Europe/Moscow"))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OUTAGE = OpenProviderOutage(NOW - 20 * MINUTE, "timeout", "GET → нет ответа")
FLIPS = tuple(NOW - minutes * MINUTE for minutes in (50, 40, 30, 20))


def seen(
    status: str, ago: timedelta = HOUR, cause: str | None = None, **more: object
) -> ConnectionState:
    causes = {"offline": "provider_error", "revoked": "revoked", "blocked": "access_denied"}
    connection = ConnectionState(
        uuid4(), "evotor", "Shop", status, cause or causes.get(status), "GET → 503", NOW - ago
    )
    return replace(connection, **more)  # type: ignore[arg-type]


def told(kind: Kind, ago: timedelta = HOUR, since: timedelta = HOUR) -> AlertedState:
    return AlertedState(kind, "provider_error", NOW - since, NOW - ago)


def decided(
    connection: ConnectionState,
    known: AlertedState | None = None,
    wishes: Preferences = WISHES,
    **around: object,
) -> Decision:
    return decide(connection, known or AlertedState(), wishes, Around(NOW, {}, **around))  # type: ignore[arg-type]


def kinds(decision: Decision) -> list[Kind]:
    return [each.kind for each in decision.news]


@pytest.mark.parametrize("status", ["revoked", "blocked"])
def test_the_persons_own_move_is_told_after_a_minute_for_others_to_join(status: str) -> None:
    assert kinds(decided(seen(status, MINUTE))) == [Kind(status)]
    early = decided(seen(status, MINUTE / 2))
    assert (kinds(early), early.look_at) == ([], NOW + MINUTE / 2)


def test_offline_is_told_after_the_chosen_delay() -> None:
    assert kinds(decided(seen("offline", 10 * MINUTE))) == [Kind.OFFLINE]
    assert decided(seen("offline", 9 * MINUTE)).look_at == NOW + MINUTE
    patient = replace(WISHES, delay=HOUR)
    assert kinds(decided(seen("offline", 30 * MINUTE), wishes=patient)) == []


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("degraded", "provider_error"),  # a strike
        ("degraded", "rate_limited"),
        ("offline", "misconfigured"),  # our own mistake
        ("checking", None),
    ],
)
def test_what_is_no_news(status: str, cause: str | None) -> None:
    assert decided(seen(status, DAY, cause)) == Decision(AlertedState(), None)


def test_a_connection_that_nobody_checks_says_nothing() -> None:
    """Monitors that are down, or our own network: nobody knows what it is now."""
    unsure = decided(seen("offline", DAY, fresh=False))
    assert kinds(unsure) == []
    assert unsure.look_at is not None


def test_what_came_and_went_before_it_was_told_is_never_told() -> None:
    assert decided(seen("online", MINUTE)) == Decision(AlertedState(), None)


def test_a_recovery_is_told_with_how_long_it_lasted() -> None:
    decision = decided(seen("online", 2 * MINUTE), told(Kind.OFFLINE, since=20 * MINUTE))
    assert [(each.kind, each.seconds) for each in decision.news] == [(Kind.RECOVERED, 18 * 60)]
    assert decision.known.kind is Kind.WELL


@pytest.mark.parametrize("kind", [Kind.OFFLINE, Kind.OUTAGE, Kind.REVOKED])
def test_a_recovery_from_what_nobody_was_told_of_is_no_news(kind: Kind) -> None:
    """It was there when alerts came, by an upgrade."""
    known = replace(told(kind, since=DAY), told_at=None)
    decision = decided(seen("online", 2 * MINUTE), known)
    assert (kinds(decision), decision.known) == ([], AlertedState())


def test_what_is_still_to_be_done_since_before_the_upgrade_is_recalled_once_a_day() -> None:
    known = replace(told(Kind.REVOKED, since=DAY), told_at=None)
    reminded = decided(seen("revoked", DAY), known)
    assert (kinds(reminded), reminded.known.told_at) == ([Kind.REMINDER], NOW)


def test_a_recovery_waits_for_the_others_but_not_for_ever() -> None:
    known = told(Kind.OUTAGE)
    assert kinds(decided(seen("online", 2 * MINUTE), known, others_down=True)) == []
    assert kinds(decided(seen("online", 10 * MINUTE), known, others_down=True)) == [Kind.RECOVERED]


def test_a_trouble_is_told_once() -> None:
    assert kinds(decided(seen("offline"), told(Kind.OFFLINE))) == []
    assert kinds(decided(seen("offline", outage=OUTAGE), told(Kind.OFFLINE))) == []
    assert kinds(decided(seen("offline", cause="timeout"), told(Kind.OUTAGE))) == []


def test_an_outage_of_the_provider_is_told_as_one() -> None:
    """Also for a connection that was not asked since it began."""
    for status in ("offline", "degraded", "online"):
        (news,) = decided(seen(status, 3 * DAY, outage=OUTAGE)).news
        assert (news.kind, news.cause, news.since) == (Kind.OUTAGE, "timeout", OUTAGE.since)
    early = replace(OUTAGE, since=NOW - MINUTE)
    assert decided(seen("online", DAY, outage=early)).look_at == NOW + 9 * MINUTE
    assert kinds(decided(seen("revoked", DAY, outage=OUTAGE), told(Kind.REVOKED, since=DAY))) == []


def test_what_was_never_asked_in_an_outage_is_back_at_its_end() -> None:
    known = told(Kind.OUTAGE, since=20 * MINUTE)
    connection = seen("online", 3 * DAY, outage_ended=NOW - 2 * MINUTE)
    (news,) = decided(connection, known).news
    assert (news.kind, news.seconds) == (Kind.RECOVERED, 18 * 60)


def test_a_second_refusal_after_a_reconnect_is_a_new_one() -> None:
    assert kinds(decided(seen("revoked", 2 * MINUTE), told(Kind.REVOKED, since=DAY))) == [
        Kind.REVOKED
    ]


def test_reminders_come_daily_while_the_move_is_open() -> None:
    known = told(Kind.REVOKED, DAY, DAY)
    assert kinds(decided(seen("revoked", DAY), known)) == [Kind.REMINDER]
    later = decided(seen("revoked", DAY), replace(known, told_at=NOW - HOUR))
    assert (kinds(later), later.look_at) == ([], NOW + 23 * HOUR)
    assert kinds(decided(seen("revoked", DAY), known, replace(WISHES, reminder=None))) == []


def test_nobody_is_reminded_of_what_is_not_their_move() -> None:
    assert kinds(decided(seen("offline", 3 * DAY), told(Kind.OFFLINE, 2 * DAY, 3 * DAY))) == []


def test_the_second_alert_about_one_thing_waits_for_what_else_falls() -> None:
    connection = seen("revoked", 2 * MINUTE)
    group = decided(connection).news[0].group
    lately = Around(NOW, {group: NOW - 4 * MINUTE})
    waits = decide(connection, AlertedState(), WISHES, lately)
    assert (kinds(waits), waits.look_at) == ([], NOW + 6 * MINUTE)


def test_a_flap_after_the_first_notice_is_told_as_such_and_only_once() -> None:
    connection = seen("online", 20 * MINUTE, transitions=FLIPS)
    first = decided(connection, told(Kind.OFFLINE))
    assert kinds(first) == [Kind.FLAPPING]
    again = decided(replace(connection, status="offline"), first.known)
    assert kinds(again) == []
    assert again.look_at == NOW + 10 * MINUTE  # an hour after the first of the four flips


def test_a_flap_that_nobody_was_told_of_has_its_first_notice() -> None:
    assert kinds(decided(seen("offline", 20 * MINUTE, transitions=FLIPS))) == [Kind.OFFLINE]


def test_it_is_told_when_it_has_calmed_down() -> None:
    transitions = tuple(each - HOUR for each in FLIPS)
    calm = decided(seen("online", 80 * MINUTE, transitions=transitions), told(Kind.FLAPPING))
    assert kinds(calm) == [Kind.CALM]
    down = decided(seen("offline", 80 * MINUTE, transitions=transitions), told(Kind.FLAPPING))
    assert kinds(down) == [Kind.OFFLINE]


def test_a_flapping_connection_that_is_revoked_is_told_at_once() -> None:
    assert kinds(decided(seen("revoked", transitions=FLIPS), told(Kind.FLAPPING))) == [Kind.REVOKED]


def test_the_end_of_a_grant_is_told_thirty_seven_and_one_day_ahead() -> None:
    end, began = NOW + 7 * DAY, NOW - 300 * DAY
    connection = seen("online", DAY, expires_at=end, granted_at=began)
    first = decided(connection)
    assert [(each.kind, each.days) for each in first.news] == [(Kind.EXPIRING, 7)]
    assert first.look_at == end - DAY
    assert kinds(decided(connection, first.known)) == []


def test_a_short_grant_is_not_warned_of_when_it_begins() -> None:
    hour = seen("online", MINUTE, expires_at=NOW + HOUR, granted_at=NOW)
    assert decided(hour) == Decision(AlertedState(), None)
    week = seen("online", MINUTE, expires_at=NOW + 7 * DAY, granted_at=NOW)
    assert decided(week).look_at == NOW + 6 * DAY


WAVE = replace(OUTAGE, refuses=True, told_from=NOW + 40 * MINUTE)  # since 20 minutes


@pytest.mark.parametrize(
    ("status", "ago"),
    [
        ("online", 3 * DAY),  # not asked since it began
        ("degraded", 19 * MINUTE),
        ("revoked", 19 * MINUTE),  # confirmed before the wave was seen
        ("blocked", 20 * MINUTE),
        ("offline", 19 * MINUTE),
    ],
)
def test_a_service_that_refuses_everybody_is_told_when_it_has_lasted(
    status: str, ago: timedelta
) -> None:
    connection = seen(status, ago, outage=WAVE)
    assert decided(connection) == Decision(AlertedState(), WAVE.told_from)
    assert decided(connection, hurry=True) == Decision(AlertedState(), WAVE.told_from)
    (news,) = decided(replace(connection, outage=replace(WAVE, told_from=NOW))).news
    assert (news.kind, news.since, news.refuses) == (Kind.OUTAGE, WAVE.since, True)


def test_what_was_refused_before_everybody_was_is_still_the_persons_own_move() -> None:
    assert kinds(decided(seen("revoked", HOUR, outage=WAVE))) == [Kind.REVOKED]


@pytest.mark.parametrize(
    ("kind", "granted", "healed"),
    [
        (Kind.REVOKED, DAY, True),
        (Kind.REVOKED, MINUTE, False),  # its owner reconnected
        (Kind.BLOCKED, DAY, False),  # its owner did something at the provider
        (Kind.OFFLINE, DAY, False),
    ],
)
def test_a_request_to_reconnect_is_taken_back_when_the_provider_takes_the_grant_again(
    kind: Kind, granted: timedelta, healed: bool
) -> None:
    connection = seen("online", 2 * MINUTE, granted_at=NOW - granted)
    (news,) = decided(connection, told(kind, since=20 * MINUTE)).news
    assert (news.kind, news.healed) == (Kind.RECOVERED, healed)
