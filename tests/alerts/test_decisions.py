"""Several connections of one person: what waits, what comes along, and what is one message."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from app.alerts.decisions import decide_all, messages_of
from app.alerts.rules import GATHER_TIME, Decision
from app.alerts.types import AlertedState, ConnectionState, Kind, OpenProviderOutage, Preferences
from app.models.alert import AlertState

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WISHES = Preferences(ZoneInfo("Europe/Moscow"), delay=timedelta(minutes=10))
MINUTE = timedelta(minutes=1)
LONG, SHORT = 11 * MINUTE, 9 * MINUTE  # offline: time to tell, and not yet

Case = tuple[AlertState, ConnectionState]


def case(
    status: str,
    since: timedelta,
    *,
    provider: str = "evotor",
    look_at: datetime | None = NOW,
    told: Kind = Kind.WELL,
    outage: OpenProviderOutage | None = None,
) -> Case:
    connection_id = uuid4()
    row = AlertState(connection_id=connection_id, user_id=1, look_at=look_at, kind=told.value)
    if told is not Kind.WELL:
        row.since = row.told_at = NOW - timedelta(hours=1)
    state = ConnectionState(
        connection_id, provider, "Shop", status, "timeout", "GET → 503", NOW - since, outage=outage
    )
    return row, state


def decided(*cases: Case, wishes: Preferences = WISHES) -> dict[UUID, Decision]:
    seen = {state.connection_id: state for _, state in cases}
    return decide_all([row for row, _ in cases], seen, wishes, NOW, {})


def messages(*cases: Case) -> list[list[Kind]]:
    return [[each.kind for each in group] for group in messages_of(decided(*cases).values())]


def test_what_is_not_due_is_left_alone() -> None:
    assert decided(case("offline", LONG, look_at=None)) == {}
    assert decided(case("offline", LONG, look_at=NOW + MINUTE)) == {}


def test_in_quiet_hours_what_is_due_waits_for_their_end() -> None:
    quiet = replace(WISHES, quiet_from=time(14), quiet_until=time(16))  # in Moscow, now is 15:00
    due, early = case("offline", LONG), case("offline", LONG, look_at=None)
    decisions = decided(due, early, wishes=quiet)
    ends = datetime(2026, 11, 25, 13, 0, tzinfo=UTC)
    assert decisions == {due[0].connection_id: Decision(AlertedState(), ends)}


def test_what_would_be_told_a_little_later_comes_along() -> None:
    assert messages(case("offline", LONG), case("offline", SHORT, look_at=NOW + MINUTE)) == [
        [Kind.OFFLINE, Kind.OFFLINE]
    ]
    assert messages(case("offline", LONG), case("offline", SHORT)) == [[Kind.OFFLINE, Kind.OFFLINE]]


def test_another_provider_s_connection_keeps_its_own_time() -> None:
    late, other = case("offline", LONG), case("offline", SHORT, provider="ozon")
    decisions = decided(late, other)
    assert decisions[late[0].connection_id].news
    assert decisions[other[0].connection_id] == Decision(AlertedState(), NOW + MINUTE)


def test_nothing_is_hurried_where_nothing_is_told() -> None:
    early, later = case("offline", SHORT), case("offline", SHORT, look_at=None)
    assert set(decided(early, later)) == {early[0].connection_id}


def test_an_outage_of_the_provider_is_what_all_of_the_message_is_about() -> None:
    outage = OpenProviderOutage(NOW - LONG, "timeout", "GET → 503")
    [kinds] = messages(case("offline", LONG), case("offline", LONG, outage=outage))
    assert kinds == [Kind.OUTAGE, Kind.OUTAGE]


def test_a_recovery_waits_for_what_fell_with_it() -> None:
    back = case("online", GATHER_TIME, told=Kind.OFFLINE)
    assert messages(back) == [[Kind.RECOVERED]]
    still_down = case("offline", LONG, told=Kind.OFFLINE, look_at=None)
    assert messages(back, still_down) == []
    elsewhere = case("offline", LONG, told=Kind.OFFLINE, look_at=None, provider="ozon")
    assert messages(back, elsewhere) == [[Kind.RECOVERED]]
