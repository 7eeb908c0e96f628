"""Quiet hours and the time of a digest, in the person's own zone."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from app.alerts.quiet_hours import next_digest, quiet_end
from app.alerts.types import Preferences

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = MOSCOW) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def night(zone: ZoneInfo = MOSCOW) -> Preferences:
    return Preferences(zone, quiet_from=time(22), quiet_until=time(8))


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-25 21:59", None),
        ("2026-11-25 22:00", "2026-11-26 08:00"),
        ("2026-11-26 03:00", "2026-11-26 08:00"),
        ("2026-11-26 08:00", None),
    ],
)
def test_quiet_hours_go_over_midnight(now: str, end: str | None) -> None:
    assert quiet_end(night(), at(now)) == (at(end) if end else None)


def test_quiet_hours_within_a_day() -> None:
    noon = Preferences(MOSCOW, quiet_from=time(12), quiet_until=time(14))
    assert quiet_end(noon, at("2026-11-25 13:00")) == at("2026-11-25 14:00")
    assert quiet_end(noon, at("2026-11-25 03:00")) is None


def test_quiet_hours_are_the_persons_own_also_when_clocks_change() -> None:
    """Berlin's night of 25 October 2026 has an hour more."""
    assert quiet_end(night(BERLIN), at("2026-10-25 00:30", BERLIN)) == at(
        "2026-10-25 08:00", BERLIN
    )


@pytest.mark.parametrize("hour", [None, time(22)])
def test_no_quiet_hours(hour: time | None) -> None:
    assert quiet_end(
        Preferences(MOSCOW, quiet_from=hour, quiet_until=hour), at("2026-11-25 23:00")
    ) is (None)


def test_a_digest_comes_at_nine_and_a_weekly_one_on_monday() -> None:
    daily, weekly = Preferences(MOSCOW, digest="daily"), Preferences(MOSCOW, digest="weekly")
    wednesday = at("2026-11-25 09:00")
    assert next_digest(daily, wednesday) == at("2026-11-26 09:00")
    assert next_digest(weekly, wednesday) == at("2026-11-30 09:00")
    assert next_digest(Preferences(MOSCOW), wednesday) is None
